// Makes the ResourceClaims that pods ask for by template, and reserves claims for pods that got a node without the scheduler
// (pkg/controller/resourceclaim/controller.go syncPod).
import { corev1, type KubeObject, resourcev1 } from '@tiphys/api';
import { type Action, after, create, patch, updateStatus, type Write, warning } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { annotationsOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import {
  type Claim,
  claimFromTemplate,
  claimNameOf,
  claimNames,
  isMadeFor,
  isReservedFor,
  POD_CLAIM_ANNOTATION,
  type Pod,
  type PodClaim,
  RESERVED_MAX,
} from './pod-claims.ts';

const FIELD_MANAGER = 'ResourceClaimController';
const BY_CLAIM = 'resource-claim';
const BY_TEMPLATE = 'resource-claim-template';

const inNamespace = (pod: Pod, names: readonly string[]) => names.map((name) => `${namespaceOf(pod)}/${name}`);

interface Needed {
  podClaim: PodClaim;
  /** It is there already, but the pod's status does not say so. */
  claim?: Claim;
  template?: resourcev1.ResourceClaimTemplate;
}

/** What has to be made or told for one entry; undefined when nothing has. */
function needed(world: World<Pod>, podClaim: PodClaim): Needed | undefined {
  const pod = world.object;
  const templateName = podClaim.resourceClaimTemplateName;
  const known = claimNameOf(pod, podClaim);
  if (templateName === undefined || (known && known.name === undefined)) return undefined;
  const existing = known && world.get(resourcev1.resourceclaims, known.name!, namespaceOf(pod));
  if (existing && (!known.own || isMadeFor(existing, pod))) return undefined;
  // One that was made before the status could be written.
  const claim = world
    .controlledBy(resourcev1.resourceclaims, uidOf(pod))
    .find((each) => annotationsOf(each)[POD_CLAIM_ANNOTATION] === podClaim.name);
  const template = world.get(resourcev1.resourceclaimtemplates, templateName, namespaceOf(pod));
  return { podClaim, ...(claim ? { claim } : {}), ...(template ? { template } : {}) };
}

const failed = (name: string, why: string) => warning('FailedResourceClaimCreation', `PodResourceClaim ${name}: ${why}`);

function statusPatch(pod: Pod, claims: readonly { name: string; claim: KubeObject }[]): Write {
  const resourceClaimStatuses = claims.map(({ name, claim }) => ({ name, resourceClaimName: nameOf(claim) }));
  const metadata = { name: nameOf(pod), namespace: namespaceOf(pod) };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, status: { resourceClaimStatuses } };
  return patch(corev1.pods, pod, 'apply', body, 'its claims are made', { subresource: 'status', fieldManager: FIELD_MANAGER });
}

function made(pod: Pod, all: readonly Needed[]): Action[] {
  const creations = all
    .filter(({ claim }) => !claim)
    .map(({ podClaim, template }) =>
      create(resourcev1.resourceclaims, claimFromTemplate(pod, podClaim, template!), `made for ${podClaim.name} of the pod`, {
        whenFailed: (error) => ({
          type: 'Warning',
          reason: 'FailedResourceClaimCreation',
          // The claim has no name yet, which upstream shows as nothing.
          message: `PodResourceClaim ${podClaim.name}: create ResourceClaim : ${error.message}`,
        }),
      }),
    );
  const told = after(({ results, failure }) => {
    if (failure) return [];
    const isFor = (name: string) => (object: KubeObject) => annotationsOf(object)[POD_CLAIM_ANNOTATION] === name;
    return [
      statusPatch(
        pod,
        all.map(({ podClaim, claim }) => ({ name: podClaim.name, claim: claim ?? results.find(isFor(podClaim.name))! })),
      ),
    ];
  });
  return [...creations, told];
}

/** Pods with a node that was not chosen by the scheduler have nobody else who reserves. */
function reservations(world: World<Pod>): Action[] {
  const pod = world.object;
  if (!pod.spec?.nodeName) return [];
  return (pod.spec.resourceClaims ?? []).flatMap((podClaim) => {
    const named = claimNameOf(pod, podClaim);
    const claim = named?.name === undefined ? undefined : world.get(resourcev1.resourceclaims, named.name, namespaceOf(pod));
    if (!claim?.status?.allocation || (named!.own && !isMadeFor(claim, pod)) || isReservedFor(claim, pod)) return [];
    const { reservedFor = [] } = claim.status;
    if (reservedFor.length >= RESERVED_MAX) return [];
    const status = { ...claim.status, reservedFor: [...reservedFor, { resource: 'pods', name: nameOf(pod), uid: uidOf(pod) }] };
    return [updateStatus(resourcev1.resourceclaims, { ...claim, status }, `pod ${nameOf(pod)} uses it`)];
  });
}

export const podClaimsController = defineController<Pod>({
  name: 'resource-claim-controller',
  eventSource: 'resource_claim',
  for: corev1.pods,
  triggers: (pod) => (pod.spec?.resourceClaims?.length ?? 0) > 0,
  indices: [
    { type: corev1.pods, name: BY_CLAIM, keysOf: (pod) => inNamespace(pod, claimNames(pod)) },
    {
      type: corev1.pods,
      name: BY_TEMPLATE,
      keysOf: (pod: Pod) =>
        inNamespace(
          pod,
          (pod.spec?.resourceClaims ?? []).map((each) => each.resourceClaimTemplateName).filter((name) => name !== undefined),
        ),
    },
  ],
  watches: [
    { type: resourcev1.resourceclaims, keys: (claim, snapshot) => snapshot.byIndex(corev1.pods, BY_CLAIM, keyOf(claim)).map(keyOf) },
    {
      type: resourcev1.resourceclaimtemplates,
      keys: (template, snapshot) => snapshot.byIndex(corev1.pods, BY_TEMPLATE, keyOf(template)).map(keyOf),
    },
  ],
  plan(world) {
    const pod = world.object;
    if (isDeleting(pod)) return [];
    const all: Needed[] = [];
    for (const podClaim of pod.spec?.resourceClaims ?? []) {
      const one = needed(world, podClaim);
      if (!one) continue;
      // The template's coming starts the next plan.
      if (!one.claim && !one.template) {
        const name = podClaim.resourceClaimTemplateName!;
        const why = `resource claim template "${name}": resourceclaimtemplate.resource.k8s.io "${name}" not found`;
        return [...(all.length > 0 ? made(pod, all) : []), failed(podClaim.name, why)];
      }
      all.push(one);
    }
    return [...(all.length > 0 ? made(pod, all) : []), ...reservations(world)];
  },
});
