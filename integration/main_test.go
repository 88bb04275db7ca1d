//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go/log"
)

// quiet is the logger for testcontainers: its progress lines would hide `go test`'s.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

func TestMain(m *testing.M) { os.Exit(run(m)) }

// seed decides when trouble strikes and who comes and goes; ROLLCALL_SEED gives another.
var seed uint64 = 20261125

// run prepares what all tests share and says aloud why nothing runs where nothing can.
func run(m *testing.M) int {
	required := os.Getenv("ROLLCALL_REQUIRE_DOCKER") == "1"
	if !required && os.Getenv("ROLLCALL_INTEGRATION") != "1" {
		fmt.Println("integration SKIPPED: not asked for; `make integration` runs it")
		return 0
	}
	log.SetDefault(quiet{})
	// The reaper's image would have to be pulled; what is left behind is removed by its label instead.
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") == "" && os.Getenv("DOCKER_HOST") == "" {
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := reach(ctx); err != nil {
		fmt.Printf("integration SKIPPED: no Docker daemon answers: %v\n", err)
		if required {
			fmt.Println("integration FAILED: ROLLCALL_REQUIRE_DOCKER=1 asks for it")
			return 1
		}
		return 0
	}
	if err := prepare(ctx); err != nil {
		fmt.Printf("integration FAILED: %v\n", err)
		return 1
	}
	status := runUntil(ctx, m)
	printTable()
	if err := sweep(context.Background()); err != nil {
		fmt.Printf("integration FAILED: %v\n", err)
		return 1
	}
	return status
}

// prepare takes away what older runs left, and builds the images.
func prepare(ctx context.Context) error {
	if text := os.Getenv("ROLLCALL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return fmt.Errorf("ROLLCALL_SEED is no number: %w", err)
		}
	}
	fmt.Printf("integration: ROLLCALL_SEED=%d\n", seed)
	if err := sweep(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return buildImages(ctx)
}

// runUntil runs the tests to their end, or until the run is interrupted: what they have started then goes too.
func runUntil(ctx context.Context, m *testing.M) int {
	ended := make(chan int, 1)
	go func() { ended <- m.Run() }()
	select {
	case status := <-ended:
		return status
	case <-ctx.Done():
		fmt.Println("integration INTERRUPTED: what it started is removed")
	}
	_ = sweep(context.Background()) // the caller's is the one that counts
	select {                        // the tests fail now, some while they start one more container
	case <-ended:
	case <-time.After(5 * time.Second):
	}
	return 1
}
