module github.com/weirpool/weir/internal/vitess

go 1.26.0

require (
	github.com/go-sql-driver/mysql v1.10.1
	github.com/weirpool/weir v0.0.0
	github.com/weirpool/weir/internal/lab v0.0.0
)

require filippo.io/edwards25519 v1.2.0 // indirect

replace (
	github.com/weirpool/weir => ../..
	github.com/weirpool/weir/internal/lab => ../lab
)
