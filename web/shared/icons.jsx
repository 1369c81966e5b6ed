/** Line icons on a grid of 24, drawn for this shop. They only repeat what the words beside them say, so readers aloud pass them over. */
import { h } from 'preact';

const paths = {
    plus: 'M12 5v14M5 12h14',
    minus: 'M5 12h14',
    close: 'M6 6l12 12M18 6L6 18',
    check: 'M4.5 12.5l5 5 10-11',
    clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2',
    cup: 'M5 8h11v6.5A4.5 4.5 0 0 1 11.5 19h-2A4.5 4.5 0 0 1 5 14.5zM16 9.5h1.2a2.6 2.6 0 0 1 0 5.2H16M8 5c0-1 1-1 1-2M12 5c0-1 1-1 1-2',
    flame: 'M12 3c1 3.5 5 5 5 10a5 5 0 0 1-10 0c0-2 1-3 2-4 .3 1.5 1 2 2 2.5.5-2.5-.5-5 1-8.5z',
    box: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8',
    undo: 'M9 7L4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2',
    bell: 'M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4',
    mute: 'M6 16.5V11a6 6 0 0 1 9.5-4.9M18 11v5.5l1.5 1.5h-9M10 20.5h4M4 4l16 16',
    expand: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
    settings: 'M5 7h9M18 7h1M5 17h1M10 17h9M16 5v4M8 15v4',
    alert: 'M12 4l9 15.5H3zM12 10v4M12 16.8v.1',
    search: 'M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5',
    list: 'M9 6.5h11M9 12h11M9 17.5h11M4.5 6.5h.1M4.5 12h.1M4.5 17.5h.1',
    link: 'M4 12h16M14 6l6 6-6 6',
    basket: 'M4 9h16l-1.8 9.5a1.5 1.5 0 0 1-1.5 1.2H7.3a1.5 1.5 0 0 1-1.5-1.2zM8 9l3-5M16 9l-3-5',
};

export const Icon = ({ name }) => (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d={paths[name]} />
    </svg>
);

/** The shop's sign: a cup seen from above, with its saucer and a crescent of foam. */
export const Sign = () => (
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <circle cx="15" cy="16" r="13" fill="var(--accent)" />
        <circle cx="15" cy="16" r="9" fill="var(--cup)" />
        <circle cx="15" cy="16" r="6.8" fill="var(--coffee)" />
        <path d="M10.5 18.5a5 5 0 0 0 8.8 0.3 6.5 6.5 0 0 1-8.8-.3z" fill="var(--milk)" />
        <rect x="24" y="13.5" width="7" height="5" rx="2.5" fill="var(--accent)" />
    </svg>
);
