package weir

import (
	"errors"
	"fmt"
)

// AdapterOption makes an option for a package that builds on this one and keeps its settings in an S, so that one list
// of options serves both. [New] refuses it; the adapter takes it out with [AdapterOptions] first.
func AdapterOption[S any](name string, set func(*S) error) Option {
	return adapterOption[S]{name, set}
}

type adapterOption[S any] struct {
	name string
	set  func(*S) error
}

func (a adapterOption[S]) apply(*options) error {
	return fmt.Errorf("%s: this option is not for weir.New", a.name)
}

// AdapterOptions applies to s those of opts that [AdapterOption] made for an S, and returns the others in their order with
// the errors of those it applied. A nil option is an error that tells its place in opts, or in its group of [Options]; it is left out
// of the rest.
func AdapterOptions[S any](opts []Option, s *S) (rest []Option, errs []error) {
	for i, opt := range opts {
		switch opt := opt.(type) {
		case nil:
			errs = append(errs, nilOption(i))
		case optionGroup:
			others, wrong := AdapterOptions(opt, s)
			rest, errs = append(rest, others...), append(errs, wrong...)
		case adapterOption[S]:
			if err := opt.set(s); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", opt.name, err))
			}
		default:
			rest = append(rest, opt)
		}
	}
	return rest, errs
}

func nilOption(i int) error { return fmt.Errorf("option %d is nil", i+1) }

// Options makes one option of several, which are applied in their order.
func Options(opts ...Option) Option { return optionGroup(opts) }

type optionGroup []Option

func (g optionGroup) apply(o *options) error {
	var errs []error
	for i, opt := range g {
		if opt == nil {
			errs = append(errs, nilOption(i))
			continue
		}
		errs = append(errs, opt.apply(o))
	}
	return errors.Join(errs...)
}
