package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TLS is what a [Server] does about encryption.
type TLS uint8

const (
	// DefaultTLS is what the server does by itself: MariaDB offers no TLS, and
	// MySQL offers it with a certificate that nobody knows.
	DefaultTLS TLS = iota
	// OfferTLS makes the server offer TLS with a certificate of the lab's.
	OfferTLS
	// RequireTLS makes it also refuse logins without: MariaDB with error 1045,
	// MySQL with error 3159.
	RequireTLS
)

// A certificate is a server's own, signed by itself.
type certificate struct {
	roots     *x509.CertPool
	cert, key string // file names
}

// ClientTLS is what a client needs who wants to know the server's certificate,
// or nil where the lab has made none.
func (s *Server) ClientTLS() *tls.Config {
	if s.certificate == nil {
		return nil
	}
	return &tls.Config{RootCAs: s.certificate.roots, ServerName: s.cfg.Host}
}

// makeCertificate makes the files for a server on the host.
func makeCertificate(host, dir string) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	name := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(host)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, name, name, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	c := &certificate{roots: x509.NewCertPool(), cert: filepath.Join(dir, "server-cert.pem"), key: filepath.Join(dir, "server-key.pem")}
	c.roots.AddCert(cert)
	for path, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: der}, c.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// certify gives the server its certificate, if it is to have one.
func (s *Server) certify() error {
	if s.cfg.TLS == DefaultTLS {
		return nil
	}
	var err error
	if s.certificate, err = makeCertificate(s.cfg.Host, s.dir); err != nil {
		return fmt.Errorf("lab: certificate of %s: %w", s.Addr(), err)
	}
	return nil
}

// tlsArgs are the server's arguments.
func (s *Server) tlsArgs() []string {
	if s.certificate == nil {
		return nil
	}
	args := []string{"--ssl-cert=" + s.certificate.cert, "--ssl-key=" + s.certificate.key}
	if s.cfg.TLS == RequireTLS {
		args = append(args, "--require-secure-transport=1")
	}
	return args
}
