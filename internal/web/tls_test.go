package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certified writes a certificate for 127.0.0.1 and a web configuration that names it, and gives who trusts it.
func certified(t *testing.T) (configFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"tls.crt":  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		"tls.key":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		"web.yaml": []byte("tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return filepath.Join(dir, "web.yaml"), roots
}

func TestAWebConfigurationFileServesTLSAndNothingElse(t *testing.T) {
	file, roots := certified(t)
	server, err := Listen(t.Context(), "127.0.0.1:0", Options{ConfigFile: file, Reader: &shown{status: []any{}}})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, path := range []string{"/livez", "/", "/api/v1/destinations"} {
		answer, err := client.Get("https://" + server.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s over TLS: %d", path, answer.StatusCode)
		}
	}
	answer, err := client.Get("http://" + server.Addr() + "/livez")
	if err == nil {
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			t.Error("the same port answers without TLS")
		}
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWebConfigurationFileThatIsNoneRefusesTheStart(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"unknown.yaml": "tls: {}\n", "lacks.yaml": "tls_server_config: {cert_file: none.crt, key_file: none.key}\n", "missing.yaml": "",
	} {
		file := filepath.Join(dir, name)
		if text != "" {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		server, err := Listen(t.Context(), "127.0.0.1:0", Options{ConfigFile: file})
		if err == nil {
			t.Errorf("%s is taken: %v", name, server.Stop(t.Context()))
			continue
		}
		if !strings.Contains(err.Error(), "http.web_config_file "+file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
