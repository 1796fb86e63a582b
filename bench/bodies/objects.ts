// Bodies in JSON that make built-in objects: texts that are broken, and as much of each as may be sent.
import { type Body, BYTES, created, endless, full, object } from './body.ts';

export const MAPS = '/api/v1/namespaces/default/configmaps';
export const PODS = '/api/v1/namespaces/default/pods';
const ROLES = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

export const map = (fields: string, metadata = ''): string => object('v1', 'ConfigMap', fields, metadata);
export const pod = (spec: string, metadata = ''): string => object('v1', 'Pod', `"spec":{${spec}}`, metadata);
const ofMap = (name: string, fields: string, metadata = '') => created(name, MAPS, map(fields, metadata));
const ofMetadata = (name: string, metadata: string) => ofMap(name, '"data":{}', metadata);
const ofPod = (name: string, spec: string) => created(name, PODS, pod(spec));
const container = (fields: string) => `"containers":[{"name":"c","image":"i",${fields}}]`;
const inPod = (name: string, fields: string) => ofPod(name, `"containers":[{"name":"c","image":"i"}],${fields}`);

/** An endpoint as the controller writes it, with all there may be of it. */
const endpoint = (i: number) =>
  `{"addresses":["10.0.${i >> 8}.${i & 255}"],"conditions":{"ready":true,"serving":true,"terminating":false},"hostname":"h","nodeName":"node-${i}",` +
  `"targetRef":{"kind":"Pod","namespace":"default","name":"pod-${i}","uid":"00000000-0000-0000-0000-00000000${i}"},"zone":"a","hints":{"forZones":[{"name":"a"}]}}`;

const texts: Body[] = [
  created('brackets that never close', MAPS, '['.repeat(BYTES)),
  created('a number without end', PODS, `{"metadata":{"name":"n","generation":${'9'.repeat(BYTES - 60)}}}`),
  ofMap('one long string', `"data":{"a":"${'x'.repeat(BYTES - 200)}"}`),
  ofMap('3 MB of keys', `"data":{${endless((i) => `"key-${i}":"v"`)}}`),
  created('3 MB of empty containers', PODS, pod(`"containers":[${endless(() => '{}')}]`)),
];

const maps: Body[] = [
  ofMap('10,000 keys', `"data":{${full((i) => `"key-${i}":"v"`)}}`),
  ofMap('10,000 keys that may not be', `"data":{${full((i) => `"key ${i}":"v"`)}}`),
  ofMap(
    '10,000 fields that nobody knows',
    full((i) => `"field${i}":1`),
  ),
  ofMap(
    '10,000 of one field',
    full(() => '"a":1'),
  ),
  ofMetadata('10,000 labels', `"labels":{${full((i) => `"key-${i}":"v"`)}}`),
  ofMetadata('10,000 labels that may not be', `"labels":{${full((i) => `"key ${i}":" "`)}}`),
  ofMetadata('20,000 finalizers', `"finalizers":[${full((i) => `"a.b/c${i}"`)}]`),
  ofMetadata(
    'owners that are all the controller',
    `"ownerReferences":[${full((i) => `{"apiVersion":"v1","kind":"Pod","name":"a${i}","uid":"u${i}","controller":true}`)}]`,
  ),
  ofMetadata(
    'managers of fields',
    `"managedFields":[${full((i) => `{"manager":"m${i}","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:k${i}":{}}}}`)}]`,
  ),
];

const pods: Body[] = [
  ofPod('containers', `"containers":[${full((i) => `{"name":"c${i}","image":"i"}`)}]`),
  ofPod('containers of one name', `"containers":[${full(() => '{"name":"c","image":"i"}')}]`),
  ofPod('10,000 empty containers', `"containers":[${full(() => '{}')}]`),
  ofPod('20,000 containers that are null', `"containers":[${full(() => 'null')}]`),
  ofPod('environment', container(`"env":[${full((i) => `{"name":"E${i}","value":"$(E${i - 1})"}`)}]`)),
  ofPod('ports that are all the same', container(`"ports":[${full(() => '{"containerPort":80}')}]`)),
  ofPod('ports of the node', container(`"ports":[${full((i) => `{"containerPort":80,"hostPort":${1 + i}}`)}]`)),
  ofPod('mounts of no volume', container(`"volumeMounts":[${full((i) => `{"name":"v","mountPath":"/${i}"}`)}]`)),
  ofPod('10,000 amounts', container(`"resources":{"limits":{${full((i) => `"a.b/r${i}":"1"`)}}}`)),
  inPod('volumes', `"volumes":[${full((i) => `{"name":"v${i}"}`)}]`),
  inPod('files of a volume', `"volumes":[{"name":"v","configMap":{"name":"a","items":[${full((i) => `{"key":"k","path":"p${i}"}`)}]}}]`),
  inPod('files of one name', `"volumes":[{"name":"v","configMap":{"name":"a","items":[${full(() => '{"key":"k","path":"p"}')}]}}]`),
  inPod(
    'spread',
    `"topologySpreadConstraints":[${full((i) => `{"maxSkew":1,"topologyKey":"a${i}","whenUnsatisfiable":"DoNotSchedule"}`)}]`,
  ),
  inPod('empty spread', `"topologySpreadConstraints":[${full(() => '{}')}]`),
];

const others: Body[] = [
  created(
    'an EndpointSlice of 1,000 endpoints',
    SLICES,
    object(
      'discovery.k8s.io/v1',
      'EndpointSlice',
      `"addressType":"IPv4","endpoints":[${Array.from({ length: 1000 }, (_, i) => endpoint(i)).join(',')}]`,
    ),
  ),
  created(
    'rules of a role',
    ROLES,
    object('rbac.authorization.k8s.io/v1', 'Role', `"rules":[${full(() => '{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}')}]`),
  ),
  created('empty rules of a role', ROLES, object('rbac.authorization.k8s.io/v1', 'Role', `"rules":[${full(() => '{}')}]`)),
  created(
    'ports of a service',
    '/api/v1/namespaces/default/services',
    object('v1', 'Service', `"spec":{"type":"NodePort","ports":[${full((i) => `{"name":"p${i}","port":${1 + i}}`)}]}`),
  ),
  created(
    'empty containers of a deployment',
    '/apis/apps/v1/namespaces/default/deployments',
    object(
      'apps/v1',
      'Deployment',
      `"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[${full(() => '{}')}]}}}`,
    ),
  ),
  created(
    'empty claims of a stateful set',
    '/apis/apps/v1/namespaces/default/statefulsets',
    object(
      'apps/v1',
      'StatefulSet',
      `"spec":{"serviceName":"a","selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[]}},"volumeClaimTemplates":[${full(() => '{}')}]}`,
    ),
  ),
  created(
    'empty webhooks',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    object('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', `"webhooks":[${full(() => '{}')}]`),
  ),
  created(
    'expressions of a policy',
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
    object(
      'admissionregistration.k8s.io/v1',
      'ValidatingAdmissionPolicy',
      `"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]},"validations":[${full((i) => `{"expression":"object.x==${i}"}`)}]}`,
    ),
  ),
  created(
    'groups of a review',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"u","resourceAttributes":{"verb":"get"},"groups":[${full((i) => `"g${i}"`)}]}}`,
  ),
  {
    ...created('options of a deletion', `${MAPS}/none`, `{"kind":"DeleteOptions","apiVersion":"v1","dryRun":[${full(() => '"x"')}]}`),
    method: 'DELETE',
  },
];

export const objectBodies: Body[] = [...texts, ...maps, ...pods, ...others];
