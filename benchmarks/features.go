package benchmarks

import "testing"

// featureCases are W11: W1 with weir's features one by one, what each costs beside a pool with none of them. Statistics and
// histograms of waits and uses are in all of these: weir has no switch for them.
func featureCases() []Case {
	window := EveryFeature().CheckWindow
	all := EveryFeature()
	all.LeakNaming = true
	var cases []Case
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
		{"all", all},
	} {
		cases = append(cases, Case{
			Workload: "W11Features", Contender: "with=" + v.name,
			Run: func(b *testing.B) {
				onPool(b, func() (Pool, error) { return OpenWeir(smallPool(), v.with) }, alone)
			},
		})
	}
	return cases
}
