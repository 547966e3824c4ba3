package mysqlpool_test

import (
	"math"
	"strings"
	"testing"

	"github.com/weirpool/weir/mysqlpool"
)

func TestPlanSizeDividesWhatIsLeft(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		plan    mysqlpool.Plan
		want    int
		connect int
	}{
		"server's own":           {mysqlpool.Plan{MaxConnections: 151, Instances: 4, Reserve: 11}, 31, 151},
		"jobs and rollout":       {mysqlpool.Plan{MaxConnections: 1000, Instances: 12, Rollout: 4, BackgroundJobs: 30, Reserve: 20}, 55, 1000},
		"RDS, 8 GiB":             {mysqlpool.Plan{Memory: 8 * gib, Instances: 10}, 57, 618},
		"RDS for MariaDB, 8 GiB": {mysqlpool.Plan{Memory: 8 * gib, MariaDB: true, Instances: 10}, 26, 309},
		"Aurora, 16 GiB":         {mysqlpool.Plan{Memory: 16 * gib, Aurora: true, Instances: 10}, 96, 1000},
		"Aurora, 2 GiB":          {mysqlpool.Plan{Memory: 2 * gib, Aurora: true, Instances: 1}, 41, 45},
		"Aurora's upper bound":   {mysqlpool.Plan{Memory: 1 << 60, Aurora: true, Instances: 1}, 15996, 16000},
		"RDS's upper bound":      {mysqlpool.Plan{Memory: 1 << 60, Instances: 1}, 15996, 16000},
		"one connection a pool":  {mysqlpool.Plan{MaxConnections: 10, Instances: 10, NoKills: true}, 1, 10},
		"small pools":            {mysqlpool.Plan{MaxConnections: 50, Instances: 10}, 2, 50},
		"without kills":          {mysqlpool.Plan{MaxConnections: 50, Instances: 10, NoKills: true}, 5, 50},
		"smallest with kills":    {mysqlpool.Plan{MaxConnections: 20, Instances: 10}, 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mysqlpool.PlanSize(c.plan)
			if err != nil {
				t.Fatal(err)
			}
			if got.MaxOpen != c.want || got.MaxConnections != c.connect {
				t.Errorf("MaxOpen, MaxConnections = %d, %d, want %d, %d\n%s", got.MaxOpen, got.MaxConnections, c.want, c.connect, got.Reasoning)
			}
			kills := min(4, got.MaxOpen) // what Open may dial besides
			if c.plan.NoKills {
				kills = 0
			}
			total := (got.MaxOpen+kills)*(c.plan.Instances+c.plan.Rollout) + c.plan.Reserve + c.plan.BackgroundJobs
			if total > got.MaxConnections {
				t.Errorf("all pools and the reserve need %d of %d", total, got.MaxConnections)
			}
		})
	}
}

// What RDS allows by default must never be less than what is planned with, and not much more.
func TestPlanSizeByMemoryErrsLow(t *testing.T) {
	for _, c := range []struct {
		class   string
		memory  float64 // GiB
		aurora  bool
		allowed int
	}{
		// The table of the Aurora user guide.
		{"t3.small, t4g.small", 2, true, 45}, {"t3.medium, t4g.medium", 4, true, 90}, {"t3.large, t4g.large", 8, true, 135},
		{"r3.large, r4.large", 15.25, true, 1000}, {"r5.large to r8g.large", 16, true, 1000}, {"r4.xlarge", 30.5, true, 2000},
		{"r5.xlarge", 32, true, 2000}, {"r4.2xlarge", 61, true, 3000}, {"r5.2xlarge", 64, true, 3000}, {"r4.4xlarge", 122, true, 4000},
		{"r5.4xlarge", 128, true, 4000}, {"r4.8xlarge", 244, true, 5000}, {"r5.8xlarge", 256, true, 5000}, {"r5.12xlarge", 384, true, 6000},
		{"r4.16xlarge", 488, true, 6000}, {"r5.16xlarge", 512, true, 6000}, {"r5.24xlarge", 768, true, 7000}, {"r6i.32xlarge", 1024, true, 7000},
		// Seen on RDS for MySQL.
		{"t2.micro", 1, false, 66}, {"t2.small", 2, false, 150}, {"m3.medium", 3.75, false, 296}, {"t2.medium", 4, false, 312},
		{"m3.large", 7.5, false, 609}, {"m4.large", 8, false, 648}, {"m3.xlarge", 15, false, 1237}, {"r3.large", 15.25, false, 1258},
		{"m4.xlarge", 16, false, 1320}, {"m3.2xlarge", 30, false, 2492}, {"r3.xlarge", 30.5, false, 2540},
	} {
		got, err := mysqlpool.PlanSize(mysqlpool.Plan{Memory: int64(c.memory * (1 << 30)), Aurora: c.aurora, Instances: 1})
		if err != nil {
			t.Fatal(err)
		}
		if n := got.MaxConnections; n > c.allowed || n*100 < c.allowed*85 {
			t.Errorf("%s, %v GiB: %d connections, want at most %d, and at least 85 %% of them", c.class, c.memory, n, c.allowed)
		}
		if !strings.Contains(got.Reasoning, "bytes of memory: about") {
			t.Errorf("%s: the reasoning does not tell which part of the memory is usable:\n%s", c.class, got.Reasoning)
		}
	}
}

func TestPlanSizeNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		plan mysqlpool.Plan
		want []string
	}{
		"nothing":           {mysqlpool.Plan{}, []string{"MaxConnections 0, Memory 0: limit is exactly one", "Instances 0: limit is 1 to 1000000"}},
		"both":              {mysqlpool.Plan{MaxConnections: 1, Memory: 1, Instances: 1}, []string{"limit is exactly one"}},
		"negative":          {mysqlpool.Plan{MaxConnections: 9, Instances: 1, Rollout: -1, BackgroundJobs: -2, Reserve: -3}, []string{"Rollout -1", "BackgroundJobs -2", "Reserve -3"}},
		"negative total":    {mysqlpool.Plan{MaxConnections: -5, Instances: 1}, []string{"MaxConnections -5: limit is 0 to 1000000"}},
		"too large":         {mysqlpool.Plan{MaxConnections: 100, Instances: 1, Reserve: 1 << 62}, []string{"Reserve 4611686018427387904: limit is 0 to 1000000"}},
		"sum too large":     {mysqlpool.Plan{MaxConnections: 100, Instances: 1, Reserve: math.MaxInt, BackgroundJobs: math.MaxInt}, []string{"Reserve 9", "BackgroundJobs 9"}},
		"two formulas":      {mysqlpool.Plan{Memory: 8, Aurora: true, MariaDB: true, Instances: 1}, []string{"Aurora true, MariaDB true: limit is one of them"}},
		"no room for kills": {mysqlpool.Plan{MaxConnections: 10, Instances: 10}, []string{"1 - 1 for KILL QUERY = MaxOpen 0"}},
		"too small":         {mysqlpool.Plan{MaxConnections: 10, Instances: 20}, []string{"no connection is left for each of 20 pools", "10 - 0 reserved"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mysqlpool.PlanSize(c.plan)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
