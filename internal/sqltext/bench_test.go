package sqltext_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

var texts = []struct{ name, text string }{
	{"short SELECT", "SELECT id, name, v FROM bench WHERE id = ?"},
	{"INSERT ODKU", "INSERT INTO `users` (`name`,`email`,`created_at`,`updated_at`) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE " +
		"`name`=VALUES(`name`), `updated_at`=NOW(), `visits`=`visits`+1"},
	{"5-table SELECT", "SELECT u.id, u.name, u.email, COUNT(DISTINCT o.id) AS orders, SUM(i.n * p.price) AS spent, MAX(o.created) AS latest " +
		"FROM users u JOIN orders o ON o.user_id = u.id JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id " +
		"LEFT JOIN addresses a ON a.user_id = u.id AND a.kind = 'home' WHERE u.deleted_at IS NULL AND o.status IN ('new', 'paid', 'sent') " +
		"AND o.created >= DATE_SUB(NOW(), INTERVAL 30 DAY) AND (p.name LIKE '%chair%' OR p.price BETWEEN 10 AND 100) " +
		"GROUP BY u.id, u.name, u.email HAVING spent > 100 ORDER BY spent DESC, u.name LIMIT 50 OFFSET 100"},
	{"SET", "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES'"},
}

func BenchmarkClassify(b *testing.B) {
	for _, c := range texts {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sqltext.Classify(c.text, 0)
			}
		})
	}
}

func BenchmarkCache(b *testing.B) {
	for _, c := range texts {
		b.Run(c.name, func(b *testing.B) {
			cache := sqltext.NewCache()
			b.ReportAllocs()
			for b.Loop() {
				cache.Classify(c.text, 0)
			}
		})
	}
}

func BenchmarkCacheAtOnce(b *testing.B) {
	cache := sqltext.NewCache()
	var many [64]string
	for i := range many {
		many[i] = fmt.Sprintf("%s AND x = %d", texts[0].text, i)
	}
	var workers atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for i := workers.Add(17); pb.Next(); i++ {
			cache.Classify(many[i%int64(len(many))], 0)
		}
	})
}

func TestClassifyAllocatesOnlyForSetAndUse(t *testing.T) {
	for _, e := range corpus.Statements {
		if mayAllocate(sqltext.Classify(e.Text, e.Modes)) || e.Class == "set user variable" || strings.HasPrefix(e.Text, "/*!40101 SET") {
			continue
		}
		if n := testing.AllocsPerRun(5, func() { sqltext.Classify(e.Text, e.Modes) }); n != 0 {
			t.Errorf("%q: %v allocations", e.Text, n)
		}
	}
}

func mayAllocate(s sqltext.Statement) bool {
	switch s.Pin {
	case sqltext.UnlistedSet, sqltext.UnsafeCharset, sqltext.AutocommitOff, sqltext.NextTransaction, sqltext.MultiStatement:
		return true
	}
	return s.Kind == sqltext.Set || s.Schema != ""
}

func TestCacheHitDoesNotAllocate(t *testing.T) {
	cache := sqltext.NewCache()
	for _, c := range texts {
		if n := testing.AllocsPerRun(100, func() { cache.Classify(c.text, 0) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
