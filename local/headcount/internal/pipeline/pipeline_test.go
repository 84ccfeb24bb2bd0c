package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headcount-etl/headcount/local/headcount/internal/publish"
	"github.com/headcount-etl/headcount/shared/event"
)

func TestBalanceCheck(t *testing.T) {
	good := Balance{Totals: Totals{Published: 10, Valid: 7, Rejected: map[event.Category]int64{"too_large": 1, "no_consent": 2}, Aggregated: 7, forLake: 8}, Lake: 6, Unconverted: 2, own: publish.Counts{Events: 9, NoConsent: 2}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Balance){
		"published": func(b *Balance) { b.Published++ }, "valid": func(b *Balance) { b.Valid-- }, "aggregated": func(b *Balance) { b.Aggregated-- },
		"rejected": func(b *Balance) { b.Rejected = nil }, "lake": func(b *Balance) { b.Lake++ }, "unconverted": func(b *Balance) { b.Unconverted-- },
		"own": func(b *Balance) { b.own.Events = 11 }, "own for the lake": func(b *Balance) { b.own.NoConsent = 0 },
	} {
		b := good
		change(&b)
		var table strings.Builder
		WriteTable(&table, &b)
		WriteTable(&table, &good, &b)
		if b.Check() == nil || strings.Count(table.String(), "DOES NOT CLOSE") != 2 {
			t.Errorf("%s: the balance closes: %s", name, table.String())
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	again, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestKeyRing: made once, for the owner alone, and then kept.
func TestKeyRing(t *testing.T) {
	dir := t.TempDir()
	first, err := keyRing(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	again, err := keyRing(dir, time.Now().AddDate(0, 0, 1))
	if err != nil || again != first {
		t.Errorf("another ring at the second use: %v", err)
	}
	if other, _ := keyRing(t.TempDir(), time.Now()); other == first {
		t.Error("two folders have the same key")
	}
	path := filepath.Join(dir, KeysFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyRing(dir, time.Now()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an empty ring: %v", err)
	}
}

// TestMain makes of this test binary the process of TestKeyRingIsWholeOrAbsent.
func TestMain(m *testing.M) {
	if dir := os.Getenv("KEY_RING_IN"); dir != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 20, Max: 20}); err != nil {
			panic(err)
		}
		_, err := keyRing(dir, time.Now())
		if !errors.Is(err, syscall.EFBIG) {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestKeyRingIsWholeOrAbsent: where the disk ends within the file, there is none,
// and the folder is good for another start.
func TestKeyRingIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), "KEY_RING_IN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := keyRing(dir, time.Now()); err != nil {
		t.Error(err)
	}
}
