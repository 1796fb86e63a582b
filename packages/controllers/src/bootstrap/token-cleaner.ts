// Removes bootstrap tokens that have ended (pkg/controller/bootstrap/tokencleaner.go).
import { corev1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { remove, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { uidOf } from '../runtime/objects.ts';
import { expiresAtMs, isBootstrapToken } from './bootstrap-tokens.ts';

export const tokenCleaner = defineController<corev1.Secret>({
  name: 'token-cleaner',
  for: corev1.secrets,
  triggers: isBootstrapToken,
  plan({ object: secret }, nowMs) {
    const atMs = isBootstrapToken(secret) ? expiresAtMs(secret) : undefined;
    if (atMs === undefined) return [];
    if (atMs > nowMs) return [wakeAt(atMs, 'the token ends')];
    // The uid keeps a newer token of the same name.
    const tolerate = (error: unknown) => isConflict(error) || isNotFound(error);
    return [remove(corev1.secrets, secret, 'the token has ended', { options: { preconditions: { uid: uidOf(secret) } }, tolerate })];
  },
});
