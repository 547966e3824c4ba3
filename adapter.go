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
// the errors of those it applied.
func AdapterOptions[S any](opts []Option, s *S) (rest []Option, errs []error) {
	for _, opt := range ungroup(opts) {
		a, ok := opt.(adapterOption[S])
		if !ok {
			rest = append(rest, opt)
			continue
		}
		if err := a.set(s); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.name, err))
		}
	}
	return rest, errs
}

// Options makes one option of several, which are applied in their order.
func Options(opts ...Option) Option { return optionGroup(opts) }

type optionGroup []Option

func (g optionGroup) apply(o *options) error {
	var errs []error
	for i, opt := range g {
		if opt == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		errs = append(errs, opt.apply(o))
	}
	return errors.Join(errs...)
}

// ungroup lists opts with the members of groups in the groups' places.
func ungroup(opts []Option) []Option {
	var out []Option
	for _, opt := range opts {
		if g, ok := opt.(optionGroup); ok {
			out = append(out, ungroup(g)...)
			continue
		}
		out = append(out, opt)
	}
	return out
}
