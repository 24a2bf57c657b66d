import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Call } from '../inference-door.ts';
import type { OpenInference, TraceChange } from '../open-inference-control/index.ts';
import { findOpenModel } from '../open-inference-model/index.ts';
import type {
  LogSettingsRequest,
  LogSettingsResponseSchema,
  TraceSettingRequest,
  TraceSettingResponseSchema,
} from '../grpc/generated/index.ts';

/** Trace and log settings: read with an empty request, changed with an admin key. */
export function settingMethods({ door, trace, logging }: OpenInference) {
  return {
    traceSetting({ settings, modelName }: TraceSettingRequest, call: Call): MessageInitShape<typeof TraceSettingResponseSchema> {
      if (modelName !== '') findOpenModel(door, { name: modelName, version: '' }, call);
      const change: Record<string, readonly string[] | null> = Object.create(null);
      for (const [name, { value }] of Object.entries(settings)) change[name] = value.length === 0 ? null : value;
      const isChange = Object.keys(settings).length > 0;
      const values = isChange ? trace.update(modelName, change satisfies TraceChange, call) : trace.get(modelName);
      const shown = Object.entries(values).map(
        ([name, value]) => [name, { value: typeof value === 'string' ? [value] : [...value] }] as const,
      );
      return { settings: Object.fromEntries(shown) };
    },
    logSettings({ settings }: LogSettingsRequest, call: Call): MessageInitShape<typeof LogSettingsResponseSchema> {
      const change: Record<string, unknown> = Object.create(null);
      for (const [name, { parameterChoice }] of Object.entries(settings)) change[name] = parameterChoice.value;
      const isChange = Object.keys(settings).length > 0;
      const values = isChange ? logging.update(change, call) : logging.get();
      const shown = Object.entries(values).map(([name, value]) => [name, { parameterChoice: choiceOf(value) }] as const);
      return { settings: Object.fromEntries(shown) };
    },
  };
}

function choiceOf(value: string | number | boolean) {
  if (typeof value === 'boolean') return { case: 'boolParam', value } as const;
  return typeof value === 'number' ? ({ case: 'uint32Param', value } as const) : ({ case: 'stringParam', value } as const);
}
