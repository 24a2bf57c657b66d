import type { ControlEvent, ControlObserver } from '../../control/index.ts';
import { cleanLine, type StatusLine } from '../terminal/index.ts';

/** Shows what the control room reports while models are fetched, on the status line. */
export function reportStart(status: StatusLine): ControlObserver {
  const fetched = new Set<string>();
  return (event) => {
    if (event.type === 'pull-progressed') {
      showProgress(event, status);
      if (event.progress.phase === 'downloading') fetched.add(event.model);
      return;
    }
    if (event.type === 'source-failed' || event.type === 'model-obtained') status.clear();
    const line = describeEvent(event, fetched);
    if (line !== undefined) status.writeAbove(`${cleanLine(line)}\n`);
  };
}

function showProgress({ model, progress }: Extract<ControlEvent, { type: 'pull-progressed' }>, status: StatusLine): void {
  const { phase, receivedBytes, totalBytes = 0 } = progress;
  if (phase !== 'downloading' && phase !== 'waiting') return;
  const label = phase === 'waiting' ? `${model} (another process fetches it)` : model;
  status.update({ label: cleanLine(label), receivedBytes, totalBytes });
}

function describeEvent(event: ControlEvent, fetched: ReadonlySet<string>): string | undefined {
  if (event.type === 'source-failed')
    return `${event.model}: ${event.source} cannot give it: ${event.reason}; trying the next source`;
  if (event.type === 'model-obtained' && fetched.has(event.model))
    return `${event.model}: fetched from ${event.source}, digest checked`;
  return undefined;
}
