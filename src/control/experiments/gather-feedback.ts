import type { EvidenceRecords } from '../../core/records/index.ts';
import { addValue, type ExperimentEvidence } from './analysing/index.ts';
import { metricsOf, type ExperimentPlan } from './experiment-plan.ts';

const MOST_ROWS = 500;

/** Adds the feedback that has come since; `evidence` is changed in place. Feedback on an answer that is forgotten is a unit of its own. */
export async function gatherFeedback(
  book: Pick<EvidenceRecords, 'readFeedback' | 'findAnswer'>,
  experiment: { readonly id: string; readonly plan: ExperimentPlan },
  evidence: ExperimentEvidence,
): Promise<void> {
  const { id, plan } = experiment;
  if (!metricsOf(plan).includes('feedback')) return;
  const rows = await book.readFeedback(id, { after: evidence.feedbackRow, most: MOST_ROWS });
  for (const { row, requestId, arm, metric, score } of rows) {
    evidence.feedbackRow = Math.max(evidence.feedbackRow, row);
    if (plan.feedbackMetric !== undefined && plan.feedbackMetric !== metric) continue;
    const unit = (await book.findAnswer(requestId))?.unit ?? requestId;
    addValue(evidence, plan, { metric: 'feedback', arm, unit, value: Math.min(Math.max(score, 0), 1) });
  }
}
