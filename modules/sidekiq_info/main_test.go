package sidekiqinfo

import (
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
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/ansible/answertest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/sidekiq/redistest"
	"github.com/curationexperts/ansible-sidekiq/modules/lib/testenv"
)

func TestMain(m *testing.M) {
	module := func() { os.Exit(ansible.Main("test", ansible.Modules{"sidekiq_info": Module})) }
	testscript.Main(m, map[string]func(){
		"sidekiq_info": module,
		"nobody": func() {
			if err := syscall.Setuid(65534); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			module()
		},
	})
}

// The scripts share a real Redis; each has its own database. Commands and files can use the variables
//
//	$PORT, $TLSPORT, $SOCKET, $DB, $CLOSED    of this Redis, and a port on which nothing listens
//	$NOW, $AGO, $STARTED                      the time, five seconds before and an hour before, in seconds since 1970
//	$HOSTNAME, $WORK                          of this host, and the directory of the script
//
// The command `leave FILE` sends the lines of a file to the database, as commands with bars between words. `fake SOCKET
// FILE` runs a Redis with the answers in the file (redistest.ParseAnswers).
func TestScripts(t *testing.T) {
	tls := certificate(t)
	server := redistest.Start(t, tls.arguments...)
	var databases atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			db := int(databases.Add(1)) - 1
			env.Values["db"] = db
			env.Setenv("CA", tls.ca)
			return fillIn(env, server, tls.port, db)
		},
		Condition: func(name string) (bool, error) {
			isRoot := os.Geteuid() == 0
			if name == "root" && !isRoot && testenv.OraclesRequired() {
				return false, errors.New("NOT TESTED: only root can run a program as another user")
			}
			return map[string]bool{"root": isRoot, "tls": tls.arguments != nil}[name], nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"leave": func(ts *testscript.TestScript, _ bool, args []string) {
				if len(args) != 1 {
					ts.Fatalf("usage: leave FILE")
				}
				for line := range strings.Lines(ts.ReadFile(args[0])) {
					words := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
					ts.Check(server.Do(ts.Value("db").(int), words[0], anyOf(words[1:])...))
				}
			},
			"fake": redistest.FakeCommand, "call": answertest.Call, "answer": answertest.Command,
		},
	})
}

func anyOf(words []string) []any {
	var all []any
	for _, w := range words {
		all = append(all, w)
	}
	return all
}

// fillIn sets the variables of a script, and replaces them in its files.
func fillIn(env *testscript.Env, server redistest.Server, tlsPort, db int) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	closed, now := redistest.FreePort(env.T().(testing.TB)), time.Now().Unix()
	pairs := []string{"$WORK", env.WorkDir}
	for name, value := range map[string]any{
		"PORT": server.Port, "TLSPORT": tlsPort, "SOCKET": server.Socket, "DB": db, "CLOSED": closed,
		"NOW": now, "AGO": now - 5, "STARTED": now - 3600, "HOSTNAME": hostname,
	} {
		env.Setenv(name, fmt.Sprint(value))
		pairs = append(pairs, "$"+name, fmt.Sprint(value))
	}
	variables := strings.NewReplacer(pairs...)
	return filepath.WalkDir(env.WorkDir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(variables.Replace(string(text))), 0o644)
	})
}

// tlsFiles are the files for TLS of a Redis on localhost.
type tlsFiles struct {
	ca        string // path of the certificate, which signs itself
	port      int
	arguments []string // of redis-server
}

// certificate creates tlsFiles, if redis-server was built with TLS.
func certificate(t *testing.T) tlsFiles {
	t.Helper()
	if !redistest.SpeaksTLS(t) {
		return tlsFiles{}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	directory, port := t.TempDir(), redistest.FreePort(t)
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644))
		return path
	}
	ca := write("cert.pem", "CERTIFICATE", cert)
	return tlsFiles{ca: ca, port: port, arguments: []string{"--tls-port", fmt.Sprint(port), "--tls-auth-clients", "no",
		"--tls-cert-file", ca, "--tls-key-file", write("key.pem", "PRIVATE KEY", secret), "--tls-ca-cert-file", ca}}
}
