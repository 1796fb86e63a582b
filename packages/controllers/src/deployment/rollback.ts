// Rolling back by the annotation that stands for the old rollbackTo field (pkg/controller/deployment/rollback.go).
import { appsv1 } from '@tiphys/api';
import { TEMPLATE_HASH_LABEL } from '../pods/template-hash.ts';
import { normal, update, warning } from '../runtime/actions.ts';
import { annotationsOf, nameOf } from '../runtime/objects.ts';
import { allSets, type Draft } from './draft.ts';
import { createNewSet } from './new-replica-set.ts';
import {
  type Deployment,
  equalTemplates,
  isCopiedAnnotation,
  lastRevision,
  type ReplicaSet,
  ROLLBACK_TO,
  revisionOf,
} from './replica-sets.ts';

/** The revision asked for; 0 is the last one. */
export function rollbackRevision(d: Deployment): bigint | undefined {
  const text = annotationsOf(d)[ROLLBACK_TO];
  return text !== undefined && /^[+-]?[0-9]+$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
}

function withoutRollback(d: Deployment): Deployment {
  const { [ROLLBACK_TO]: _, ...annotations } = annotationsOf(d);
  return { ...d, metadata: { ...d.metadata, annotations } };
}

export function rollback(draft: Draft): void {
  if (!draft.newSet && !createNewSet(draft)) return;
  const sets = allSets(draft);
  const wanted = rollbackRevision(draft.d)! || lastRevision(sets);
  const target = wanted === 0n ? undefined : sets.find((set) => revisionOf(set) === wanted);
  if (!target) {
    const message = wanted === 0n ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
    draft.actions.push(warning('DeploymentRollbackRevisionNotFound', message));
    draft.actions.push(update(appsv1.deployments, withoutRollback(draft.d), 'the rollback is given up'));
    return;
  }
  if (equalTemplates(draft.d.spec?.template, target.spec?.template)) {
    const message = `The rollback revision contains the same template as current deployment "${nameOf(draft.d)}"`;
    draft.actions.push(warning('DeploymentRollbackTemplateUnchanged', message));
    draft.actions.push(update(appsv1.deployments, withoutRollback(draft.d), 'the template is the same'));
    return;
  }
  draft.actions.push(update(appsv1.deployments, withTemplateOf(draft.d, target), `rolls back to revision ${wanted}`));
  draft.actions.push(normal('DeploymentRollback', `Rolled back deployment "${nameOf(draft.d)}" to revision ${wanted}`));
}

/** The template of the old ReplicaSet, and its annotations, which were the Deployment's at that time. */
function withTemplateOf(d: Deployment, set: ReplicaSet): Deployment {
  const cleaned = withoutRollback(d);
  const kept = Object.entries(annotationsOf(cleaned)).filter(([key]) => !isCopiedAnnotation(key));
  const copied = Object.entries(annotationsOf(set)).filter(([key]) => isCopiedAnnotation(key));
  const { [TEMPLATE_HASH_LABEL]: _, ...labels } = set.spec?.template?.metadata?.labels ?? {};
  return {
    ...cleaned,
    metadata: { ...cleaned.metadata, annotations: Object.fromEntries([...kept, ...copied]) },
    spec: { ...d.spec!, template: { ...set.spec?.template, metadata: { ...set.spec?.template?.metadata, labels } } },
  };
}
