module github.com/weirpool/weir/benchmarks

go 1.26.0

require github.com/weirpool/weir v0.0.0

replace github.com/weirpool/weir => ..
