// PodTemplates (registry/core/podtemplate, apis/core/validation ValidatePodTemplate, printers printPodTemplate).
import type { corev1, KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { mapText, nameColumn, templateColumns, text } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';
import { warnAboutPod } from '../rules/pod/warnings.ts';
import { checkTemplate } from '../rules/template.ts';

type PodTemplate = corev1.PodTemplate;

function validate({ template }: PodTemplate, old?: PodTemplate): Errors {
  const errors: Errors = [];
  checkTemplate(errors, 'template', template, old?.template);
  return errors;
}

export const podTemplates = defineBuiltIn<PodTemplate>('', 'v1', 'podtemplates', {
  validateCreate(object, context) {
    const errors = validate(object);
    if (!errors.length) warnAboutPod(context.warn, 'template', object.template?.spec, object.template?.metadata);
    return errors;
  },
  validateUpdate(object, old, { warn }) {
    const errors = validate(object, old);
    const isNew = object.metadata?.generation !== old.metadata?.generation;
    if (!errors.length && isNew) warnAboutPod(warn, 'template', object.template?.spec, object.template?.metadata);
    return errors;
  },
  columns: [
    nameColumn as Column<KubeObject>,
    ...templateColumns<PodTemplate>(({ template }) => template).map((column) => ({ ...column, priority: 0 })),
    text<PodTemplate>('Pod Labels', ({ template }) => mapText(template?.metadata?.labels)),
  ],
});
