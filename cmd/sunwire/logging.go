package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lmittmann/tint"
	"gopkg.in/natefinch/lumberjack.v2"

	"sunwire/bridge/config"
)

// logger makes the log that the configuration asks for. reopen lets go of the log file, so that the next line makes it anew.
func logger(cfg config.Log, stderr io.Writer) (log *slog.Logger, reopen func(), err error) {
	return leveled(cfg, new(slog.LevelVar), stderr)
}

// leveled is logger with a level that may be set while it is used.
func leveled(cfg config.Log, level *slog.LevelVar, stderr io.Writer) (log *slog.Logger, reopen func(), err error) {
	setLevel(level, cfg)
	w, reopen := stderr, func() {}
	if cfg.File != "" {
		f := &logFile{Logger: lumberjack.Logger{Filename: cfg.File, MaxSize: 10, MaxBackups: 5}}
		if _, err := f.Write(nil); err != nil {
			return nil, nil, fmt.Errorf("log.file %s cannot be written: %w", cfg.File, err)
		}
		w, reopen = f, func() { _ = f.Close() }
	}
	switch cfg.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})), reopen, nil
	case "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), reopen, nil
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.DateTime, NoColor: !isTerminal(w)})), reopen, nil
}

// setLevel sets a level that the configuration has checked.
func setLevel(level *slog.LevelVar, cfg config.Log) {
	var l slog.Level
	_ = l.UnmarshalText([]byte(cfg.Level))
	level.Set(l)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// logFile is a rotating file that notices when it was moved away, as logrotate does.
type logFile struct {
	lumberjack.Logger
	mu     sync.Mutex
	looked time.Time
	was    os.FileInfo
}

func (f *logFile) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) > time.Second {
		f.looked = now
		is, err := os.Stat(f.Filename)
		if f.was != nil && (err != nil || !os.SameFile(f.was, is)) {
			_ = f.Close()
		}
		n, werr := f.Logger.Write(b)
		f.was, _ = os.Stat(f.Filename)
		return n, werr
	}
	return f.Logger.Write(b)
}

// onHangup calls f at each SIGHUP until ctx ends.
func onHangup(ctx context.Context, f func()) {
	hup := hangups()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			f()
		}
	}
}
