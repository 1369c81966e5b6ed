/** The last hour of a figure as a line, with the scales and lines of d3. Where nothing was collected the line has a gap. */
import { h } from 'preact';
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { t } from '../shared/language.js';
import { STEP_MS } from './watch.js';

const WIDTH = 320;
const HEIGHT = 92;
const EDGE = { top: 8, right: 2, bottom: 16, left: 2 };
const HOUR_MS = 3_600_000;
const LEAST_MS = 300_000;
const GAP_MS = STEP_MS * 4;

/** The points of one line; an undefined one wherever the page wasn't there to collect. */
function points(history, name) {
    const list = [];
    history.forEach((one, i) => {
        if (i > 0 && one.at - history[i - 1].at > GAP_MS) {
            list.push({ at: one.at, value: null });
        }
        list.push({ at: one.at, value: one[name] ?? null });
    });
    return list;
}

export const Chart = ({ history, names, until, format, label }) => {
    const lines = names.map((name) => points(history, name));
    const most = Math.max(...lines.flat().map((point) => point.value ?? 0), 0);
    const span = Math.min(HOUR_MS, Math.max(LEAST_MS, until - (history[0]?.at ?? until)));
    const x = scaleLinear().domain([until - span, until]).range([EDGE.left, WIDTH - EDGE.right]);
    const y = scaleLinear().domain([0, most || 1]).nice(2).range([HEIGHT - EDGE.bottom, EDGE.top]);
    const [, top] = y.domain();
    const draw = line().defined((point) => point.value !== null).x((point) => x(point.at).toFixed(1)).y((point) => y(point.value).toFixed(1));
    return (
        <svg class="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t('chart', { label, most: format(most) })} data-testid="chart">
            <path class="grid" d={`M${EDGE.left} ${y(0)}H${WIDTH}M${EDGE.left} ${y(top)}H${WIDTH}`} />
            {lines.map((list, i) => <path key={names[i]} class={`line line-${i}`} d={draw(list) ?? ''} />)}
            <text x={EDGE.left} y={y(top) + 10}>{format(top)}</text>
            <text x={EDGE.left} y={HEIGHT - 4}>{t('chart.ago', { n: Math.round(span / 60_000) })}</text>
            <text x={WIDTH - EDGE.right} y={HEIGHT - 4} text-anchor="end">{t('chart.now')}</text>
        </svg>
    );
};
