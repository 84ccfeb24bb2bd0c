package service

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// from looks settings up in a map.
func from(settings map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := settings[name]
		return value, ok
	}
}

func TestEnvValues(t *testing.T) {
	e := NewEnv(from(map[string]string{
		"BUCKET": "b", "QUEUE": "http://127.0.0.1:4566/000000000000/in", "WINDOW": "5m", "COUNT": "12",
		"RADIUS": "1.5", "LEVEL": "debug", "KEYS": "[]", "EMPTY": "",
	}))
	for name, ok := range map[string]bool{
		"String":              e.String("BUCKET") == "b",
		"Secret":              e.Secret("KEYS") == "[]",
		"URL":                 e.URL("QUEUE") == "http://127.0.0.1:4566/000000000000/in",
		"Optional":            e.Optional("BUCKET", "c") == "b",
		"Optional, unset":     e.Optional("TOPIC", "c") == "c",
		"Optional, empty":     e.Optional("EMPTY", "c") == "c",
		"Choice":              e.Choice("LEVEL", "info", "info", "debug") == "debug",
		"Duration":            e.Duration("WINDOW", time.Hour, time.Minute, 24*time.Hour) == 5*time.Minute,
		"Duration, unset":     e.Duration("AGE", time.Hour, 0, time.Second) == time.Hour,
		"Duration, empty":     e.Duration("EMPTY", time.Hour, 0, time.Second) == time.Hour,
		"Int":                 e.Int("COUNT", 1, 12, 12) == 12,
		"Int, unset":          e.Int("OTHER", 7, 1, 2) == 7,
		"Float":               e.Float("RADIUS", 1, 0, 2) == 1.5,
		"Float, unset":        e.Float("OTHER", 200, 0, 1) == 200,
		"no fault was found":  e.Err() == nil,
		"faults are not kept": NewEnv(from(nil)).Err() == nil,
	} {
		if !ok {
			t.Errorf("%s: wrong; faults: %v", name, e.Err())
		}
	}
}

func TestEnvFaults(t *testing.T) {
	e := NewEnv(from(map[string]string{
		"EMPTY": "", "WINDOW": "25h", "FLUSH": "10", "COUNT": "1e3", "RADIUS": "NaN", "LEVEL": "loud",
		"QUEUE": "in", "TOPIC": "https://me:" + "hunter2@host/x", "LONG": strings.Repeat("x", 500), "KEYS": "hunter2",
	}))
	e.String("BUCKET")
	e.String("BUCKET")
	e.String("EMPTY")
	e.Secret("KEYS")
	e.Fault("KEYS", "is not a list of keys")
	e.URL("QUEUE")
	e.URL("TOPIC")
	e.Choice("LEVEL", "info", "info", "debug")
	e.Duration("WINDOW", time.Hour, time.Minute, 24*time.Hour)
	e.Duration("FLUSH", time.Hour, 90*time.Second, 24*time.Hour)
	e.Int("COUNT", 1, 1, 1000)
	e.Int("LONG", 1, 1, 1000)
	e.Float("RADIUS", 1, 0, 2)

	want := []string{
		"BUCKET is missing",
		"EMPTY is empty",
		"KEYS is not a list of keys",
		`QUEUE is "in": must be a URL like https://host/path`,
		"TOPIC is not shown: must be a URL without a user name or password",
		`LEVEL is "loud": must be one of info, debug`,
		`WINDOW is "25h": must be a duration from 1m to 24h`,
		`FLUSH is "10": must be a duration from 1m30s to 24h`,
		`COUNT is "1e3": must be a whole number from 1 to 1000`,
		`LONG is "` + strings.Repeat("x", 60) + `…": must be a whole number from 1 to 1000`,
		`RADIUS is "NaN": must be a number from 0 to 2`,
	}
	err := e.Err()
	var bad *SettingsError
	if !errors.As(err, &bad) {
		t.Fatalf("Err gave %v", err)
	}
	if got := "bad settings: " + strings.Join(want, "; "); err.Error() != got {
		t.Errorf("got  %s\nwant %s", err, got)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret was given away: %s", err)
	}
}
