package benchmarks

import (
	"slices"

	"github.com/weirpool/weir/internal/lab"
)

// SessionCases returns what measures the layer of sessions over few connections, beside what its users would do without it. It is
// a family of its own, with rounds of its own: see [Cases], whose words hold here, too. All of them need a server of the kind.
func SessionCases(kind lab.Kind, full bool) (cases []Case, done func() error) {
	server := &sessionServer{mysql: newMySQLServer(kind)}
	return slices.Concat(
		lookupCases(server),
		heldCases(kind, full),
		thinkCases(kind, full),
		sessionMemoryCases(server, full),
		overheadCases(server),
		cancelCases(server, full),
	), server.mysql.close
}

// inRounds bounds how many rounds cases take part in.
func inRounds(n int, cases []Case) []Case {
	for i := range cases {
		cases[i].Rounds = n
	}
	return cases
}
