import type { ControlEvent, ControlObserver } from '../../control/index.ts';
import { cleanLine, type StatusLine } from '../terminal/index.ts';

/** Shows what the control room reports while models are fetched, on the status line. */
export function reportStart(status: StatusLine): ControlObserver {
  return (event) => {
    if (event.type === 'pull-progressed') {
      status.update({ label: cleanLine(event.model), receivedBytes: event.receivedBytes, totalBytes: event.totalBytes });
      return;
    }
    status.clear();
    const line = describeEvent(event);
    if (line !== undefined) status.writeAbove(`${line}\n`);
  };
}

function describeEvent(event: ControlEvent): string | undefined {
  if (event.type === 'source-failed')
    return cleanLine(`${event.model}: ${event.source} cannot give it: ${event.reason}; trying the next source`);
  if (event.type === 'model-obtained' && event.isFetched) return cleanLine(`${event.model}: fetched, digest checked`);
  return undefined;
}
