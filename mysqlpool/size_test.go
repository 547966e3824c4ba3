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
		"server's own":           {mysqlpool.Plan{MaxConnections: 151, Instances: 4, Reserve: 11}, 35, 151},
		"jobs and rollout":       {mysqlpool.Plan{MaxConnections: 1000, Instances: 12, Rollout: 4, BackgroundJobs: 30, Reserve: 20}, 59, 1000},
		"RDS, 8 GiB":             {mysqlpool.Plan{Memory: 8 * gib, Instances: 10}, 68, 682},
		"RDS for MariaDB, 8 GiB": {mysqlpool.Plan{Memory: 8 * gib, MariaDB: true, Instances: 10}, 34, 341},
		"Aurora, 16 GiB":         {mysqlpool.Plan{Memory: 16 * gib, Aurora: true, Instances: 10}, 106, 1069},
		"Aurora, 2 GiB":          {mysqlpool.Plan{Memory: 2 * gib, Aurora: true, Instances: 1}, 63, 63},
		"Aurora's upper bound":   {mysqlpool.Plan{Memory: 1 << 60, Aurora: true, Instances: 1}, 16000, 16000},
		"RDS's upper bound":      {mysqlpool.Plan{Memory: 1 << 60, Instances: 1}, 16000, 16000},
		"one connection a pool":  {mysqlpool.Plan{MaxConnections: 10, Instances: 10}, 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mysqlpool.PlanSize(c.plan)
			if err != nil {
				t.Fatal(err)
			}
			if got.MaxOpen != c.want || got.MaxConnections != c.connect {
				t.Errorf("MaxOpen, MaxConnections = %d, %d, want %d, %d\n%s", got.MaxOpen, got.MaxConnections, c.want, c.connect, got.Reasoning)
			}
			total := got.MaxOpen*(c.plan.Instances+c.plan.Rollout) + c.plan.Reserve + c.plan.BackgroundJobs
			if total > got.MaxConnections {
				t.Errorf("all pools and the reserve need %d of %d", total, got.MaxConnections)
			}
		})
	}
}

func TestPlanSizeNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		plan mysqlpool.Plan
		want []string
	}{
		"nothing":        {mysqlpool.Plan{}, []string{"MaxConnections 0, Memory 0: limit is exactly one", "Instances 0: limit is 1 to 1000000"}},
		"both":           {mysqlpool.Plan{MaxConnections: 1, Memory: 1, Instances: 1}, []string{"limit is exactly one"}},
		"negative":       {mysqlpool.Plan{MaxConnections: 9, Instances: 1, Rollout: -1, BackgroundJobs: -2, Reserve: -3}, []string{"Rollout -1", "BackgroundJobs -2", "Reserve -3"}},
		"negative total": {mysqlpool.Plan{MaxConnections: -5, Instances: 1}, []string{"MaxConnections -5: limit is 0 to 1000000"}},
		"too large":      {mysqlpool.Plan{MaxConnections: 100, Instances: 1, Reserve: 1 << 62}, []string{"Reserve 4611686018427387904: limit is 0 to 1000000"}},
		"sum too large":  {mysqlpool.Plan{MaxConnections: 100, Instances: 1, Reserve: math.MaxInt, BackgroundJobs: math.MaxInt}, []string{"Reserve 9", "BackgroundJobs 9"}},
		"two formulas":   {mysqlpool.Plan{Memory: 8, Aurora: true, MariaDB: true, Instances: 1}, []string{"Aurora true, MariaDB true: limit is one of them"}},
		"too small":      {mysqlpool.Plan{MaxConnections: 10, Instances: 20}, []string{"no connection is left for each of 20 pools", "10 - 0 reserved"}},
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
