package manifests

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// objects is what the example overlay makes, decoded.
type objects struct {
	deployment apps.Deployment
	refresh    batch.CronJob
	disruption policy.PodDisruptionBudget
	service    core.Service
	config     core.ConfigMap
}

// build builds the overlay as `kubectl apply -k` does. A field that Kubernetes does not know fails, and so does a second object of a kind.
func build(t *testing.T) objects {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), root+"/deployments/kubernetes/overlays/example")
	if err != nil {
		t.Fatal(err)
	}
	var o objects
	into := map[string]any{
		"Deployment": &o.deployment, "CronJob": &o.refresh, "PodDisruptionBudget": &o.disruption, "Service": &o.service, "ConfigMap": &o.config,
	}
	for _, resource := range made.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object := into[resource.GetKind()]
		if object == nil {
			t.Fatalf("a second %[1]s, or one that no test knows:\n%[2]s", resource.GetKind(), text)
		}
		delete(into, resource.GetKind())
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s: %v", resource.GetKind(), err)
		}
		kind := meta.TypeMeta{}
		if err := yaml.Unmarshal(text, &kind); err != nil || !slices.Contains([]string{"apps/v1", "batch/v1", "policy/v1", "v1"}, kind.APIVersion) {
			t.Errorf("%s has the version %q (%v)", resource.GetKind(), kind.APIVersion, err)
		}
	}
	for kind := range into {
		t.Errorf("no %s", kind)
	}
	return o
}

func TestTwoReplicasOfWhichOneIsAlwaysThere(t *testing.T) {
	o := build(t)
	if n := o.deployment.Spec.Replicas; n == nil || *n != 2 {
		t.Errorf("replicas: %v", n)
	}
	if s := o.deployment.Spec.Strategy.RollingUpdate; s == nil || s.MaxUnavailable.IntValue() != 0 {
		t.Errorf("a rolling update takes a replica away before the next is there: %+v", s)
	}
	if o.disruption.Spec.MinAvailable.IntValue() != 1 {
		t.Errorf("minAvailable: %v", o.disruption.Spec.MinAvailable)
	}
	if c := consumer(t, o); c.LivenessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/livez" || c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("probes: %+v, %+v", c.LivenessProbe, c.ReadinessProbe)
	}
}

// Each selector takes the consumer's pods, and neither the refresh's nor those of somebody else's program.
func TestSelectorsTakeTheConsumersPodsAlone(t *testing.T) {
	o := build(t)
	selectors := map[string]labels.Selector{"service": labels.SelectorFromSet(o.service.Spec.Selector)}
	for name, selector := range map[string]*meta.LabelSelector{
		"deployment": o.deployment.Spec.Selector, "disruption budget": o.disruption.Spec.Selector,
		"spread": o.deployment.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector,
	} {
		made, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		selectors[name] = made
	}
	for name, selector := range selectors {
		if pods := labels.Set(o.deployment.Spec.Template.Labels); selector.Empty() || !selector.Matches(pods) {
			t.Errorf("%s: %q does not take %q", name, selector, pods)
		}
		for _, others := range []labels.Set{o.refresh.Spec.JobTemplate.Spec.Template.Labels, {"app.kubernetes.io/component": "consumer"}} {
			if selector.Matches(others) {
				t.Errorf("%s: %q takes %q too", name, selector, others)
			}
		}
	}
}

func TestNothingRunsAsRootOrWritesToItsImage(t *testing.T) {
	o := build(t)
	for name, pod := range map[string]core.PodSpec{"consumer": o.deployment.Spec.Template.Spec, "refresh": o.refresh.Spec.JobTemplate.Spec.Template.Spec} {
		s := pod.SecurityContext
		if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser != 65532 || s.SeccompProfile == nil {
			t.Errorf("%s: the pod's security context is %+v", name, s)
		}
		if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
			t.Errorf("%s is given a token of the cluster's, which it never needs", name)
		}
		for _, c := range pod.Containers {
			s := c.SecurityContext
			if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
				s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") {
				t.Errorf("%s: the container's security context is %+v", name, s)
			}
			for _, mount := range c.VolumeMounts {
				if !mount.ReadOnly || !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) {
					t.Errorf("%s: %s is to be written to, or is no volume", name, mount.MountPath)
				}
			}
		}
	}
}

// The image, the port, the files and the memory of the configuration are those of the pod that it is mounted into.
func TestTheExampleConfigurationFitsItsPod(t *testing.T) {
	o := build(t)
	c := consumer(t, o)
	var configured struct {
		MemoryLimit int64 `json:"memory_limit"`
		HTTP        struct {
			Listen    string `json:"listen"`
			TokenFile string `json:"token_file"`
		} `json:"http"`
		Accounts []struct {
			APIKeyFile string `json:"api_key_file"`
		} `json:"accounts"`
	}
	if err := yaml.Unmarshal([]byte(o.config.Data["rollcall.yaml"]), &configured); err != nil {
		t.Fatal(err)
	}
	if limit := c.Resources.Limits.Memory().Value(); configured.MemoryLimit <= 0 || configured.MemoryLimit > limit*9/10 {
		t.Errorf("memory_limit %d is not below nine tenths of the container's, %d", configured.MemoryLimit, limit)
	}
	if port := c.Ports[0]; configured.HTTP.Listen != "0.0.0.0:8780" || port.ContainerPort != 8780 || o.service.Spec.Ports[0].TargetPort.String() != port.Name ||
		c.LivenessProbe.HTTPGet.Port.String() != port.Name || c.ReadinessProbe.HTTPGet.Port.String() != port.Name {
		t.Errorf("listens on %s, the container's port is %+v, the service's %+v", configured.HTTP.Listen, port, o.service.Spec.Ports[0])
	}
	made := secretFiles(t)
	for _, file := range []string{configured.HTTP.TokenFile, configured.Accounts[0].APIKeyFile} {
		if source := volume(o.deployment.Spec.Template.Spec, path.Dir(file)); source.Secret == nil || source.Secret.SecretName != "rollcall" || !slices.Contains(made, path.Base(file)) {
			t.Errorf("%s is in no secret that the overlay's comment makes (%v)", file, made)
		}
	}
	for name, pod := range map[string]core.PodSpec{"consumer": o.deployment.Spec.Template.Spec, "refresh": o.refresh.Spec.JobTemplate.Spec.Template.Spec} {
		if image := pod.Containers[0].Image; image != "registry.example.com/rollcall:1.0.0" {
			t.Errorf("%s: the overlay leaves the image %s", name, image)
		}
	}
	if source := volume(o.deployment.Spec.Template.Spec, "/etc/rollcall"); source.ConfigMap == nil || source.ConfigMap.Name != o.config.Name {
		t.Errorf("/etc/rollcall is not the overlay's configuration, %s", o.config.Name)
	}
}

// The publisher's job has the broker's user of its role alone, and answers of its own: no configuration, no key of SendGrid's.
func TestTheRefreshIsThePublishersUserAndNothingElse(t *testing.T) {
	pod := build(t).refresh.Spec.JobTemplate.Spec.Template.Spec
	env := map[string]core.EnvVar{}
	for _, v := range pod.Containers[0].Env {
		env[v.Name] = v
	}
	secret := env["PUBLISHER_PASSWORD"].ValueFrom
	if secret == nil || secret.SecretKeyRef == nil || secret.SecretKeyRef.Name != "rollcall-nats" || secret.SecretKeyRef.Key != "publisher" {
		t.Errorf("the password is of %+v", secret)
	}
	if url := env["NATS_URL"].Value; url != "nats://publisher:$(PUBLISHER_PASSWORD)@nats:4222" {
		t.Errorf("the broker is %s", url)
	}
	if prefix := env["NATS_INBOX_PREFIX"].Value; prefix != "_INBOX_publisher" {
		t.Errorf("answers arrive below %s", prefix)
	}
	for _, v := range pod.Volumes {
		if v.ConfigMap != nil || v.Secret != nil {
			t.Errorf("the volume %s shows it more than the export", v.Name)
		}
	}
}

func TestTheRefreshRunsAloneAndReadsTheEnginesExport(t *testing.T) {
	o := build(t)
	if o.refresh.Spec.ConcurrencyPolicy != batch.ForbidConcurrent {
		t.Errorf("two refreshes of a segment may overlap: %s", o.refresh.Spec.ConcurrencyPolicy)
	}
	pod := o.refresh.Spec.JobTemplate.Spec.Template.Spec
	file := pod.Containers[0].Args[len(pod.Containers[0].Args)-1]
	if source := volume(pod, path.Dir(file)); source.PersistentVolumeClaim == nil {
		t.Errorf("%s is on no volume that outlives the job: %+v", file, source)
	}
}

// The commands take the flags that they are given, and the image has them where they are called.
func TestTheCommandsOfThePodsExist(t *testing.T) {
	o := build(t)
	run := consumer(t, o)
	if len(run.Command) != 0 {
		t.Errorf("the consumer has the command %q, not the image's", run.Command)
	}
	accepts(t, "consumer", run.Args)
	refresh := o.refresh.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
	if !slices.Equal(refresh.Command, []string{"/publisher"}) {
		t.Errorf("the refresh has the command %q", refresh.Command)
	}
	accepts(t, "publisher", refresh.Args)
	if image := read(t, "deployments/image/Dockerfile"); !bytes.Contains(image, []byte("COPY consumer publisher /\n")) || !bytes.Contains(image, []byte(`ENTRYPOINT ["/consumer"]`)) {
		t.Error("the image has its programs elsewhere")
	}
}

func consumer(t *testing.T, o objects) core.Container {
	t.Helper()
	containers := o.deployment.Spec.Template.Spec.Containers
	if len(containers) != 1 || len(containers[0].Ports) != 1 {
		t.Fatalf("containers: %+v", containers)
	}
	return containers[0]
}

// volume is what is mounted at a path into a pod's container.
func volume(pod core.PodSpec, at string) core.VolumeSource {
	for _, mount := range pod.Containers[0].VolumeMounts {
		for _, v := range pod.Volumes {
			if mount.MountPath == at && mount.Name == v.Name {
				return v.VolumeSource
			}
		}
	}
	return core.VolumeSource{}
}

// secretFiles are the files of the secret that the overlay's comment says to make.
func secretFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, word := range strings.Fields(string(read(t, "deployments/kubernetes/overlays/example/kustomization.yaml"))) {
		if rest, ok := strings.CutPrefix(word, "--from-file="); ok {
			name, _, _ := strings.Cut(rest, "=")
			names = append(names, name)
		}
	}
	return names
}
