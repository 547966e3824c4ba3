module github.com/weirpool/weir

go 1.26.0
