package weir

import (
	"log/slog"
	"time"
)

// Settings are those values a pool goes by that adapters and screens need, defaults filled in. Durations that are off are [NoLimit], those of features that
// are off are 0.
type Settings struct {
	Name              string
	MaxOpen, MinIdle  int // as given to New; [Pool.Resize] shows in Stats
	StrictMaxOpen     bool
	MaxWait           time.Duration
	OpenTimeout       time.Duration
	MaxOpening        int
	CheckWindow       time.Duration
	CheckIdleEvery    time.Duration // NoLimit when there is no idle check
	MaxLifetime       time.Duration
	MaxLifetimeJitter time.Duration
	IdleTimeout       time.Duration
	SweepEvery        time.Duration
	LeakThreshold     time.Duration
	ReclaimAfter      time.Duration
	Logger            *slog.Logger
	Observers         []Observer
	Checks            [Moments]bool // the moments at which resources are checked
	BackgroundStart   bool          // WithStartBackground
	StartWait         time.Duration // of WithStartWait, or 0
}

// ReadSettings tells what [New] would make of opts, and the error it would return.
func ReadSettings(opts ...Option) (Settings, error) {
	o, err := readOptions(opts)
	return o.settings(), err
}

// Settings returns what the pool was made with.
func (p *Pool[T]) Settings() Settings { return p.opts.settings() }

func (o *options) settings() Settings {
	s := Settings{
		Name:              o.name,
		MaxOpen:           o.maxOpen,
		StrictMaxOpen:     o.strictMax,
		MinIdle:           o.minIdle,
		MaxWait:           o.maxWait,
		OpenTimeout:       o.openTimeout,
		MaxOpening:        o.maxOpening,
		CheckWindow:       o.checkWindow,
		CheckIdleEvery:    o.checkIdleEvery,
		MaxLifetime:       o.maxLifetime,
		MaxLifetimeJitter: o.lifeJitter,
		IdleTimeout:       o.idleTimeout,
		SweepEvery:        o.sweepEvery,
		LeakThreshold:     o.leakAfter,
		ReclaimAfter:      o.reclaimAfter,
		Logger:            o.log,
		Observers:         o.observers,
		Checks:            o.checks,
		BackgroundStart:   o.background,
		StartWait:         o.startWait,
	}
	if !o.checks[WhileIdle] {
		s.CheckIdleEvery = NoLimit
	}
	return s
}
