//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// composeFile is what is deployed, and what this suite runs: nothing else.
const composeFile = "../deployments/compose/compose.yaml"

// composition is the part of the compose format that the file uses. Whatever else stands in it is an error: it would be
// shipped and not tested.
type composition struct {
	Password any                      `yaml:"x-passwords"` // of the brokers' users
	Nats     any                      `yaml:"x-nats"`      // what the nodes have in common
	Consumer any                      `yaml:"x-consumer"`  // what the consumers have in common
	Services map[string]service       `yaml:"services"`
	Volumes  map[string]struct{}      `yaml:"volumes"`
	Networks map[string]composeBridge `yaml:"networks"`
}

type service struct {
	Image       string                `yaml:"image"`
	Command     []string              `yaml:"command"`
	Environment map[string]string     `yaml:"environment"`
	Volumes     []string              `yaml:"volumes"` // SOURCE:TARGET[:ro]
	Networks    map[string]attachment `yaml:"networks"`
	Ports       []string              `yaml:"ports"` // ADDRESS:HOST:CONTAINER
	DependsOn   []string              `yaml:"depends_on"`
	ReadOnly    bool                  `yaml:"read_only"`
	Restart     string                `yaml:"restart"`
}

type attachment struct {
	Aliases []string `yaml:"aliases"`
}

type composeBridge struct {
	Internal bool `yaml:"internal"`
}

var variable = regexp.MustCompile(`\$\{([A-Z_]+)(:[-?]([^}]*))?\}`)

// readComposition reads the compose file as docker-compose would with the given environment.
func readComposition(path string, lookup func(string) string) (composition, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return composition{}, err
	}
	body = variable.ReplaceAllFunc(body, func(found []byte) []byte {
		parts := variable.FindSubmatch(found)
		if value := lookup(string(parts[1])); value != "" {
			return []byte(value)
		}
		return parts[3]
	})
	var out composition
	if err := yaml.NewDecoder(bytes.NewReader(body), yaml.Strict()).Decode(&out); err != nil {
		return composition{}, fmt.Errorf("read %s: %w", path, err)
	}
	return out, out.check()
}

// check refuses what names something that is not there, as docker-compose does.
func (c composition) check() error {
	for name, s := range c.Services {
		for network := range s.Networks {
			if _, ok := c.Networks[network]; !ok {
				return fmt.Errorf("service %s is on the network %s, which is not there", name, network)
			}
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, ok := c.Volumes[source]; !ok && !strings.HasPrefix(source, ".") {
				return fmt.Errorf("service %s mounts the volume %s, which is not there", name, source)
			}
		}
		for _, other := range s.DependsOn {
			if _, ok := c.Services[other]; !ok {
				return fmt.Errorf("service %s depends on %s, which is not there", name, other)
			}
		}
	}
	return nil
}

// binds are the service's mounts for the daemon: named volumes under a prefix, files by their absolute path, or by the one
// that stands in for them.
func (s service) binds(prefix string, instead map[string]string) ([]string, error) {
	var out []string
	for _, volume := range s.Volumes {
		source, target, _ := strings.Cut(volume, ":")
		switch {
		case instead[source] != "":
			source = instead[source]
		case strings.HasPrefix(source, "."):
			full, err := filepath.Abs(filepath.Join(filepath.Dir(composeFile), source))
			if err != nil {
				return nil, err
			}
			source = full
		default:
			source = prefix + source
		}
		out = append(out, source+":"+target)
	}
	return out, nil
}

// ports are the container's ports that are published.
func (s service) ports() []string {
	var out []string
	for _, p := range s.Ports {
		out = append(out, p[strings.LastIndexByte(p, ':')+1:])
	}
	return out
}
