// A stand-in for flannel's CNI plugin, whose module is not to be had: takes the node's part of the network from what flanneld wrote,
// and has the bridge plugin do the rest, with the "delegate" of its own configuration and the input, output and environment of CNI.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const subnetFile = "/run/flannel/subnet.env"

func main() {
	if err := run(); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) { // the bridge plugin has said what is wrong itself
			json.NewEncoder(os.Stdout).Encode(map[string]any{"cniVersion": "0.3.1", "code": 100, "msg": err.Error()})
		}
		os.Exit(1)
	}
}

func run() error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	if os.Getenv("CNI_COMMAND") != "VERSION" {
		if input, err = delegate(input); err != nil {
			// what never came up needs no taking down
			if errors.Is(err, fs.ErrNotExist) && os.Getenv("CNI_COMMAND") == "DEL" {
				return nil
			}
			return err
		}
	}
	for _, dir := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		bridge := filepath.Join(dir, "bridge")
		if _, err := os.Stat(bridge); err != nil {
			continue
		}
		command := exec.Command(bridge)
		command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), os.Stdout, os.Stderr
		return command.Run()
	}
	return fmt.Errorf("no bridge plugin in %s", os.Getenv("CNI_PATH"))
}

// delegate makes of our configuration the bridge plugin's.
func delegate(input []byte) ([]byte, error) {
	var ours struct {
		Name       string          `json:"name"`
		CNIVersion string          `json:"cniVersion"`
		Delegate   map[string]any  `json:"delegate"`
		Runtime    json.RawMessage `json:"runtimeConfig,omitempty"`
		Previous   json.RawMessage `json:"prevResult,omitempty"`
	}
	if err := json.Unmarshal(input, &ours); err != nil {
		return nil, err
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	// it holds the bridge's address, 10.244.1.1/24
	_, subnet, err := net.ParseCIDR(env["FLANNEL_SUBNET"])
	if err != nil {
		return nil, fmt.Errorf("%s: FLANNEL_SUBNET: %w", subnetFile, err)
	}
	mtu, err := strconv.Atoi(env["FLANNEL_MTU"])
	if err != nil {
		return nil, fmt.Errorf("%s: FLANNEL_MTU: %w", subnetFile, err)
	}
	theirs := map[string]any{
		"type": "bridge", "name": ours.Name, "cniVersion": ours.CNIVersion, "mtu": mtu,
		// flanneld masquerades what leaves, or we have to
		"ipMasq": env["FLANNEL_IPMASQ"] != "true", "isGateway": true,
		"ipam": map[string]any{
			"type":   "host-local",
			"ranges": []any{[]any{map[string]any{"subnet": subnet.String()}}},
			"routes": []any{map[string]any{"dst": env["FLANNEL_NETWORK"]}},
		},
	}
	for key, value := range ours.Delegate {
		theirs[key] = value
	}
	if ours.Runtime != nil {
		theirs["runtimeConfig"] = ours.Runtime
	}
	if ours.Previous != nil {
		theirs["prevResult"] = ours.Previous
	}
	return json.Marshal(theirs)
}

func environment() (map[string]string, error) {
	text, err := os.ReadFile(subnetFile)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, found := strings.Cut(line, "="); found {
			env[key] = value
		}
	}
	return env, nil
}
