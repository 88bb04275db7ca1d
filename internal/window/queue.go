package window

import "rollcall/internal/contact"

// node stands for a contact at a time.
type node struct {
	due int64
	h   contact.Handle
}

// queue is a heap with four children a node: half as deep as with two, and its nodes lie together. The
// standard library's boxes each node into an interface, which costs an allocation an event.
type queue []node

const children = 4

func (q *queue) push(n node) {
	*q = append(*q, n)
	nodes := *q
	i := len(nodes) - 1
	for i > 0 {
		parent := (i - 1) / children
		if nodes[parent].due <= n.due {
			break
		}
		nodes[i] = nodes[parent]
		i = parent
	}
	nodes[i] = n
}

func (q *queue) pop() node {
	nodes := *q
	head, last := nodes[0], nodes[len(nodes)-1]
	*q = nodes[:len(nodes)-1]
	if len(*q) > 0 {
		q.put(last)
	}
	return head
}

// put replaces the head by a node.
func (q *queue) put(n node) {
	nodes := *q
	i := 0
	for {
		first := i*children + 1
		if first >= len(nodes) {
			break
		}
		least := first
		for c := first + 1; c < min(first+children, len(nodes)); c++ {
			if nodes[c].due < nodes[least].due {
				least = c
			}
		}
		if nodes[least].due >= n.due {
			break
		}
		nodes[i] = nodes[least]
		i = least
	}
	nodes[i] = n
}
