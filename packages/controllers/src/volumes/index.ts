// Everything about persistent volumes, in the order in which a claim meets it.
import type { Controller } from '../runtime/controller.ts';
import { attachDetachControllers } from './attach-detach-controller.ts';
import { claimController } from './claim-controller.ts';
import { ephemeralVolumeController } from './ephemeral-controller.ts';
import { expandController } from './expand-controller.ts';
import { LOCAL_PROVISIONER, localProvisioner } from './local-provisioner.ts';
import { claimProtectionController, classProtectionController, volumeProtectionController } from './protection.ts';
import { type VolumeFolders, volumeController } from './volume-controller.ts';

export type { VolumeFolders } from './volume-controller.ts';

export function volumeControllers(folders: VolumeFolders): Controller[] {
  return [
    ephemeralVolumeController,
    claimController,
    localProvisioner(folders),
    volumeController(folders, LOCAL_PROVISIONER),
    claimProtectionController,
    volumeProtectionController,
    classProtectionController,
    expandController,
    ...attachDetachControllers,
  ];
}
