package integration

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go/log"
)

// quiet is the logger for testcontainers: its progress lines would hide `go test`'s.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run prepares what all tests share and says aloud why nothing runs where nothing can.
func run(m *testing.M) int {
	required := os.Getenv("ROLLCALL_REQUIRE_DOCKER") == "1"
	if os.Getenv("ROLLCALL_INTEGRATION") != "1" {
		fmt.Println("integration SKIPPED: not asked for; `make integration` runs it")
		return 0
	}
	log.SetDefault(quiet{})
	// The reaper's image would have to be pulled; what is left behind is removed by its label instead.
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") == "" && os.Getenv("DOCKER_HOST") == "" {
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := sweep(ctx); err != nil {
		fmt.Printf("integration SKIPPED: no Docker daemon answers: %v\n", err)
		if required {
			fmt.Println("integration FAILED: ROLLCALL_REQUIRE_DOCKER=1 asks for it")
			return 1
		}
		return 0
	}
	if err := buildImages(ctx); err != nil {
		fmt.Printf("integration FAILED: build the images: %v\n", err)
		return 1
	}
	status := m.Run()
	printTable()
	if err := sweep(ctx); err != nil {
		fmt.Printf("integration: remove the containers: %v\n", err)
		return 1
	}
	return status
}
