package main

import (
	"slices"

	"github.com/weirpool/weir/internal/lab"
)

// leftOut are tests that are not run, with or without the connector, each with its reason.
var leftOut = map[string]string{
	"TestConnectorReturnsTimeout": "it dials an address on the internet, and panics where a network answers in its stead",
}

// A difference is a test that does not end over the connector as it ends without it, on purpose.
type difference struct {
	test  string // its name, the whole of it; its subtests are included
	want  outcome
	why   string
	races bool // on a busy machine it may end as it does without the connector
}

const (
	wrapped = "it compares the dialler's or the server's error with ==, or by how it begins: over the pool it is inside an error that " +
		"also says how the pool stands, and errors.Is and errors.As find it"
	ownDial = "it looks for the caller's context in the dial: backends are dialled by the pool, for nobody in particular, and a caller's " +
		"context ends that caller's wait only"
	noLeak = "it sets a session read-only by one call of the DB and expects the next call to feel it: state ends when the session is " +
		"checked in"
	killed = "it skips itself unless a cancelled statement goes on at the server and is found executed once: it was killed there, which " +
		"upstream has as a wish in a comment"
	written = "it cancels INSERT ... VALUES (SLEEP(1)): on MySQL a killed SLEEP answers 1 and the INSERT goes on. Its row is written, so " +
		"the call returns no error, if the answer came in time"
	staysGood = "it expects the connection to be broken after a cancelled statement: only the statement was ended, and the next " +
		"transaction runs"
)

// expectedOn are all of them on a server of the kind. A test that is not here must end the same way; one that is here and does end the
// same way is as wrong.
func expectedOn(kind lab.Kind) []difference {
	return slices.Concat(everywhere, own[kind])
}

// everywhere are those that are the same on all servers.
var everywhere = []difference{
	{test: "TestDialUnknownError", want: failed, why: wrapped},
	{test: "TestDialNonRetryableNetErr", want: failed, why: wrapped},
	{test: "TestDialTemporaryNetErr", want: failed, why: wrapped},
	{test: "TestEmptyPassword", want: failed, why: wrapped},
	{test: "TestConnectorTimeoutsDuringOpen", want: failed, why: wrapped},
	{test: "TestConnectorObeysDialTimeouts", want: failed, why: ownDial},
	{test: "TestConnectorTimeoutsWatchCancel", want: failed, why: ownDial},
	{test: "TestRejectReadOnly", want: failed, why: noLeak},
	{test: "TestContextCancelBegin/default", want: failed, why: staysGood},
}

// own are those that one kind of server has.
var own = map[lab.Kind][]difference{
	lab.MariaDB: {
		{test: "TestContextCancelExec/default", want: skipped, why: killed},
		{test: "TestContextCancelQuery/default", want: skipped, why: killed},
		{test: "TestContextCancelStmtExec/default", want: skipped, why: killed},
		{test: "TestContextCancelStmtQuery/default", want: skipped, why: killed},
	},
	lab.MySQL: {
		{test: "TestContextCancelExec/default", want: failed, why: written, races: true},
		{test: "TestContextCancelStmtExec/default", want: failed, why: written, races: true},
	},
}
