/** The drinks, drawn: a cup and what is in it. What a shop adds to its menu gets the plain cup. */
import { h } from 'preact';

const CUP = 'M14 22h36l-3.2 25a7 7 0 0 1-7 6H24.2a7 7 0 0 1-7-6z';
const layers = {
    Americano: [['var(--coffee)', 27]],
    Latte: [['var(--foam)', 27], ['var(--latte)', 31]],
    Cappuccino: [['var(--foam)', 25], ['var(--milk)', 33], ['var(--coffee)', 41]],
    Mocha: [['var(--foam)', 26], ['var(--cocoa)', 31], ['var(--coffee)', 42]],
    Espresso: [['var(--cocoa)', 39], ['var(--coffee)', 42]],
    Tea: [['var(--tea)', 27]],
};

const Steam = () => (
    <path class="steam" d="M25 16c-2-3 2-4.5 0-8M33 16c-2-3 2-4.5 0-8M41 16c-2-3 2-4.5 0-8" fill="none" stroke="var(--line-strong)"
        stroke-width="1.8" stroke-linecap="round" />
);

export const Drink = ({ name }) => {
    const clip = `cup-${name.replace(/\W/g, '')}`;
    return (
        <svg class="drink" viewBox="0 0 64 64" aria-hidden="true" focusable="false">
            <clipPath id={clip}><path d={CUP} /></clipPath>
            <ellipse cx="32" cy="57" rx="22" ry="3" fill="var(--sunken)" />
            <path d="M49 28h3.5a6.5 6.5 0 0 1 0 13H47.5" fill="none" stroke="var(--cup-line)" stroke-width="3" />
            <path d={CUP} fill="var(--cup)" />
            <g clip-path={`url(#${clip})`}>
                {(layers[name] ?? layers.Americano).map(([fill, y]) => <rect x="12" y={y} width="40" height="40" fill={fill} />)}
            </g>
            <path d={CUP} fill="none" stroke="var(--cup-line)" stroke-width="2.2" stroke-linejoin="round" />
            {name === 'Tea' ? <path d="M38 22v12" stroke="var(--cup-line)" stroke-width="1.5" /> : null}
            {name === 'Tea' ? <rect x="34.5" y="34" width="7" height="8" rx="1" fill="var(--cup)" /> : null}
            <Steam />
        </svg>
    );
};
