package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// A userServer is somebody's own server. Nothing is written to it and nothing on it is killed.
type userServer struct {
	cfg *mysql.Config
}

func useServer(dsn string) (ground, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("-dsn: %w", err)
	}
	return &userServer{cfg}, nil
}

func (u *userServer) introduction() string {
	return fmt.Sprintf("on your server %s: a few thousand short SELECTs, "+
		"at most 20 connections, no writes, no tables, no kills", u.cfg.Addr)
}

func (u *userServer) open(ctx context.Context, opts ...weir.Option) (*mysqlpool.Pool, error) {
	return openConfig(ctx, u.cfg, opts)
}

func (u *userServer) openSessions(ctx context.Context, opts ...weir.Option) (*mysqlpool.Connector, error) {
	return connectConfig(ctx, u.cfg, opts)
}

// census looks for the connections that the demo used: other clients' are none of its business.
func (u *userServer) census(ctx context.Context, ids []uint64) ([]headcount, error) {
	db, err := sql.Open("mysql", u.cfg.FormatDSN())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var list strings.Builder
	for i, id := range ids {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprint(&list, id)
	}
	count := headcount{server: u.cfg.Addr}
	query := "SELECT COUNT(*) FROM information_schema.processlist WHERE ID IN (" + list.String() + ")"
	err = db.QueryRowContext(ctx, query).Scan(&count.connections)
	return []headcount{count}, err
}

func (u *userServer) close() error { return nil }
