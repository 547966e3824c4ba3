package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// runCopy tests a copy of the driver with these changes.
func runCopy(ctx context.Context, req request, srv *server, changes []rewrite, log io.Writer) (_ results, err error) {
	t, err := newTree(ctx, changes)
	if err != nil {
		return results{}, err
	}
	if req.keep {
		fmt.Fprintf(os.Stderr, "GOWORK=%s %s go test, in %s\n", t.work(), strings.Join(srv.env(), " "), t.source())
	} else {
		defer func() { err = errors.Join(err, t.remove()) }()
	}
	cmd := exec.CommandContext(ctx, "go", testArgs(req, len(changes) > 0)...)
	cmd.Dir = t.source()
	cmd.Env = append(append(os.Environ(), "GOWORK="+t.work(), "GOFLAGS="), srv.env()...)
	var out, complaints bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, log)
	cmd.Stderr = io.MultiWriter(&complaints, log)
	ran := cmd.Run()
	r, err := parse(&out)
	if err != nil {
		return results{}, err
	}
	if err := r.complete(); err != nil {
		return results{}, errors.Join(err, ran, context.Cause(ctx), errors.New(complaints.String()))
	}
	return r, nil
}

// testArgs are upstream's own, and names: with the connector the driver leaves the name mysql free for another.
func testArgs(req request, through bool) []string {
	args := []string{
		"test", "-json", "-count=1", "-parallel=10", "-timeout=5m",
		"-skip=^(" + strings.Join(slices.Sorted(maps.Keys(leftOut)), "|") + ")$",
	}
	if req.race {
		args = append(args, "-race")
	}
	if req.run != "" {
		args = append(args, "-run="+req.run)
	}
	if through {
		args = append(args, fmt.Sprintf("-ldflags=-X %s.driverName= -X %[1]s.driverNameTest=mysql", driverModule))
	}
	return append(args, ".")
}
