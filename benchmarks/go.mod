module github.com/weirpool/weir/benchmarks

go 1.26.0

require (
	github.com/jackc/puddle/v2 v2.2.3
	github.com/weirpool/weir v0.0.0
)

require golang.org/x/sync v0.22.0 // indirect

replace github.com/weirpool/weir => ..
