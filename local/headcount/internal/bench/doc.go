// Package bench measures the pipeline as a whole, from the outside: the services as
// processes on the stand-in, and the command run. It holds tests only; `make
// bench-pipeline` runs them.
package bench
