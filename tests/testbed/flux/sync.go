// flux-sync: what the Flux CLI writes beside its components, by its own packages.
//
// Reads one JSON object a line (the options of gotk-sync.yaml, and the files of a folder that has no kustomization.yaml) and writes one
// a line: the text of gotk-sync.yaml and that of kustomization.yaml.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/fluxcd/flux2/v2/pkg/manifestgen/kustomization"
	"github.com/fluxcd/flux2/v2/pkg/manifestgen/sync"
)

type wanted struct {
	sync.Options
	Files map[string]string
}

type made struct {
	Sync          string `json:"sync"`
	Kustomization string `json:"kustomization"`
}

func folder(files map[string]string) (string, error) {
	dir, err := os.MkdirTemp("", "flux-sync")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	options := kustomization.MakeDefaultOptions()
	options.BaseDir = dir
	manifest, err := kustomization.Generate(options)
	if err != nil {
		return "", err
	}
	return manifest.Content, nil
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		one := wanted{Options: sync.MakeDefaultOptions()}
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		text, err := sync.Generate(one.Options)
		if err != nil {
			log.Fatal(err)
		}
		listed, err := folder(one.Files)
		if err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(made{Sync: text.Content, Kustomization: listed}); err != nil {
			log.Fatal(err)
		}
	}
}
