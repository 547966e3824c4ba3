package benchmarks

import "testing"

// BenchmarkW11Features is W1 with weir's features one by one: what each costs beside a pool with none of them.
func BenchmarkW11Features(b *testing.B) {
	window := EveryFeature().CheckWindow
	for _, v := range []struct {
		name string
		with Features
	}{
		{"none", Features{}},
		{"MaxWait", Features{MaxWait: true}},
		{"check in window", Features{Check: true, CheckWindow: window}},
		{"check each time", Features{Check: true}},
		{"probe", Features{Probe: true}},
		{"observer", Features{Observer: true}},
		{"leak naming", Features{LeakNaming: true}},
		{"all but leak naming", EveryFeature()},
	} {
		b.Run("with="+v.name, func(b *testing.B) {
			onPool(b, func() (Pool, error) { return OpenWeir(smallPool(), v.with) }, alone)
		})
	}
}
