// Package enginetest runs the Pulumi program in Pulumi's own engine, in process:
// with its steps, its diffs, its state and its checks, but with a provider that
// only keeps what it is given. It holds tests alone, and is a module of its own,
// since the engine has very many dependencies.
package enginetest
