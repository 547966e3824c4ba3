package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// everyServer asks for all families of servers.
const everyServer = "all"

// kindsOf are the families that a name asks for.
func kindsOf(name string) ([]lab.Kind, error) {
	if name == everyServer {
		return []lab.Kind{lab.MariaDB, lab.MySQL}, nil
	}
	var kind lab.Kind
	if err := kind.UnmarshalText([]byte(name)); err != nil {
		return nil, fmt.Errorf("-server must be mariadb, mysql or %s, not %q", everyServer, name)
	}
	return []lab.Kind{kind}, nil
}

// upstreamArgs are the server settings of the driver's own continuous integration (its .github/workflows/test.yml).
var upstreamArgs = []string{
	"--innodb-buffer-pool-size=512M",
	"--max-allowed-packet=48M",
	"--max-connections=50",
	"--local-infile=1",
	"--performance-schema=ON",
}

// logFileArg is one more of them. It has another name on a MySQL of today.
var logFileArg = map[lab.Kind]string{lab.MariaDB: "--innodb-log-file-size=256M", lab.MySQL: "--innodb-redo-log-capacity=256M"}

// setup makes the database and the user that the driver's tests expect.
var setup = []string{
	"CREATE DATABASE gotest",
	"CREATE USER gotest@'%' IDENTIFIED BY 'secret'",
	"CREATE USER gotest@'localhost' IDENTIFIED BY 'secret'", // by way of the socket
	"GRANT ALL PRIVILEGES ON *.* TO gotest@'%' WITH GRANT OPTION",
	"GRANT ALL PRIVILEGES ON *.* TO gotest@'localhost' WITH GRANT OPTION",
}

type server struct {
	lab     *lab.Server
	dir     string // the certificate's
	version string
}

// startServer starts a server as the driver's tests want it, with TLS.
func startServer(ctx context.Context, kind lab.Kind) (*server, error) {
	dir, err := os.MkdirTemp("", "weir-compat-tls-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if err := s.start(ctx, kind); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) start(ctx context.Context, kind lab.Kind) error {
	cert, key, err := certificate(s.dir)
	if err != nil {
		return err
	}
	args := append([]string{"--ssl-cert=" + cert, "--ssl-key=" + key, logFileArg[kind]}, upstreamArgs...)
	if s.lab, err = lab.Start(ctx, lab.Config{Kind: kind, Args: args}); err != nil {
		return err
	}
	for _, statement := range setup {
		if _, err := s.lab.Admin().ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return s.lab.Admin().QueryRowContext(ctx, "SELECT VERSION()").Scan(&s.version)
}

func (s *server) close() error {
	var err error
	if s.lab != nil {
		err = s.lab.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// env is how the driver's tests are told about their server.
func (s *server) env() []string {
	return []string{
		"MYSQL_TEST_USER=gotest", "MYSQL_TEST_PASS=secret", "MYSQL_TEST_PROT=tcp", "MYSQL_TEST_ADDR=" + s.lab.Addr(),
		"MYSQL_TEST_DBNAME=gotest", "MYSQL_TEST_CONCURRENT=1",
	}
}

// certificate writes a self-signed one, good for a day, and its key.
func certificate(dir string) (certPath, keyPath string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	certPath, keyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return certPath, keyPath, errors.Join(writePEM(certPath, "CERTIFICATE", cert), writePEM(keyPath, "PRIVATE KEY", secret))
}

func writePEM(path, kind string, data []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600)
}
