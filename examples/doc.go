// Package examples holds publishers in other languages and by the nats CLI, which docs/publishing.md shows, and the
// tests that run them as they are against an embedded broker and a consumer.
package examples
