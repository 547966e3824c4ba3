// Command vtcombo is Vitess's own: vtgate, tablets and their topology in one process. Two things are added for the tests.
//
// Active reparents are off, for which Vitess's vttablet has a flag: all tablets are over one MySQL server, which no tablet may demote.
//
//	vtcombo reparent HOST:PORT CELL TABLET
//
// tells the topology at a gRPC port that a tablet is the primary of its shard from now on, as vtctldclient TabletExternallyReparented does.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"vitess.io/vitess/go/cmd/vtcombo/cli"
	"vitess.io/vitess/go/vt/mysqlctl"
	topodata "vitess.io/vitess/go/vt/proto/topodata"
	"vitess.io/vitess/go/vt/proto/vtctldata"
	"vitess.io/vitess/go/vt/utils"
	"vitess.io/vitess/go/vt/vtctl/grpcvtctldclient"
)

func main() {
	run := serve
	if len(os.Args) > 1 && os.Args[1] == "reparent" {
		run = reparent
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	mysqlctl.DisableActiveReparents = true
	cli.Main.SetGlobalNormalizationFunc(utils.NormalizeUnderscoresToDashes)
	return cli.Main.Execute()
}

func reparent() error {
	if len(os.Args) != 5 {
		return fmt.Errorf("usage: vtcombo reparent HOST:PORT CELL TABLET, where TABLET is a number")
	}
	uid, err := strconv.ParseUint(os.Args[4], 10, 32)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := grpcvtctldclient.NewWithDialOpts(ctx, os.Args[2], false, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.TabletExternallyReparented(ctx, &vtctldata.TabletExternallyReparentedRequest{
		Tablet: &topodata.TabletAlias{Cell: os.Args[3], Uid: uint32(uid)},
	})
	return err
}
