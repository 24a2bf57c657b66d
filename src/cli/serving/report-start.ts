import type { ControlEvent, ControlObserver } from '../../control/index.ts';
import { cleanLine, type StatusLine } from '../terminal/index.ts';

/** Shows how the fetching of models goes, on the status line. Failures are the log's business. */
export function reportStart(status: StatusLine): ControlObserver {
  const fetched = new Set<string>();
  return (event) => {
    if (event.type === 'pull-progressed') {
      showProgress(event, status);
      if (event.progress.phase === 'downloading') fetched.add(event.model);
      return;
    }
    if (event.type === 'source-failed') status.clear();
    if (event.type !== 'model-obtained') return;
    status.clear();
    if (fetched.has(event.model))
      status.writeAbove(`${cleanLine(`${event.model}: fetched from ${event.source}, digest checked`)}\n`);
  };
}

function showProgress({ model, progress }: Extract<ControlEvent, { type: 'pull-progressed' }>, status: StatusLine): void {
  const { phase, receivedBytes, totalBytes = 0 } = progress;
  if (phase !== 'downloading' && phase !== 'waiting') return;
  const label = phase === 'waiting' ? `${model} (another process fetches it)` : model;
  status.update({ label: cleanLine(label), receivedBytes, totalBytes });
}
