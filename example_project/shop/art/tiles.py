# ruff: noqa: E501 (a drawing is one line)
"""Patterns of 48 by 48 that repeat: {P} is the print, {B} the ground it stands on."""

from __future__ import annotations

TILES = {
    "dots": '<circle cx="12" cy="12" r="7.5" fill="{P}"/><circle cx="36" cy="36" r="7.5" fill="{P}"/>',
    "gingham": '<path d="M0 0h24v48H0z" fill="{P}" opacity=".45"/><path d="M0 0h48v24H0z" fill="{P}" opacity=".45"/>',
    "stripe": '<path d="M0 0h16v48H0zM32 0h6v48h-6z" fill="{P}" opacity=".8"/>',
    "jack": '<path d="M0 0l48 48M48 0L0 48" stroke="{P}" stroke-width="7"/><path d="M24 0v48M0 24h48" stroke="{P}" '
    'stroke-width="13"/><path d="M24 0v48M0 24h48" stroke="#b5322f" stroke-width="6"/>',
    "skulls": '<g fill="{P}"><path d="M12 20a11 11 0 1 1 22 0c0 5-4 7-4 7v6H16v-6s-4-2-4-7z"/></g>'
    '<circle cx="19" cy="20" r="3" fill="{B}"/><circle cx="27" cy="20" r="3" fill="{B}"/>',
    "paisley": '<path d="M14 34c-12-12-2-30 14-26-8 2-6 10 0 12 8 4 6 16-4 18-4 0-7-1-10-4z" fill="{P}" opacity=".85"/>'
    '<circle cx="20" cy="28" r="4" fill="{B}"/><circle cx="40" cy="12" r="3" fill="{P}"/>'
    '<circle cx="40" cy="38" r="3" fill="{P}"/>',
    "space": '<circle cx="14" cy="14" r="8" fill="{P}"/><ellipse cx="14" cy="14" rx="14" ry="3.5" fill="none" '
    'stroke="{P}" stroke-width="2"/><path d="M36 26l3 7 7 1-5 5 1 7-6-4-6 4 1-7-5-5 7-1z" fill="#f0c254"/>',
    "leaf": '<path d="M8 22c4-16 18-16 24-14-2 14-12 20-24 14zM26 44c2-14 10-18 20-18 0 12-8 20-20 18z" fill="{P}" '
    'opacity=".8"/><path d="M8 22l16-10M26 44l14-12" stroke="{B}" stroke-width="1.6"/>',
    "berries": '<path d="M14 12c9-4 13 6 8 13-3 4-6 6-8 7-2-1-5-3-8-7-5-7-1-17 8-13z" fill="{P}"/>'
    '<path d="M14 12l-7-4 7 1 7-1z" fill="#4f7d46"/><circle cx="38" cy="38" r="7" fill="{P}"/>'
    '<path d="M38 31c0-5 3-7 6-8" stroke="#4f7d46" stroke-width="2" fill="none"/>',
    "floral": '<g fill="{P}"><circle cx="14" cy="8" r="5"/><circle cx="20" cy="13" r="5"/><circle cx="18" cy="20" r="5"/>'
    '<circle cx="10" cy="20" r="5"/><circle cx="8" cy="13" r="5"/></g><circle cx="14" cy="14.5" r="4" fill="#f0c254"/>'
    '<circle cx="37" cy="36" r="5" fill="{P}"/><circle cx="37" cy="36" r="2" fill="#f0c254"/>'
    '<path d="M26 40c2-6 5-6 7-5M30 12c4-4 8-4 12-2" stroke="{P}" stroke-width="2.4" fill="none"/>',
    "hearts": '<path d="M14 26C2 18 3 8 9 8c3 0 4 2 5 4 1-2 2-4 5-4 6 0 7 10-5 18zM38 46c-9-6-8-14-4-14 2 0 3 2 4 3 1-1 '
    '2-3 4-3 4 0 5 8-4 14z" fill="{P}"/>',
    "stars": '<path d="M13 3l3 7 8 1-6 5 2 8-7-4-7 4 2-8-6-5 8-1zM38 28l2 5 5 1-4 3 1 5-4-2-4 2 1-5-4-3 5-1z" fill="{P}"/>',
    "lace": '<g fill="none" stroke="{P}" stroke-width="2.4"><circle cx="24" cy="24" r="15"/><circle cx="24" cy="24" r="7"/>'
    '<path d="M0 24h9M39 24h9M24 0v9M24 39v9"/></g><circle cx="0" cy="0" r="5" fill="{P}"/><circle cx="48" cy="0" r="5" '
    'fill="{P}"/><circle cx="0" cy="48" r="5" fill="{P}"/><circle cx="48" cy="48" r="5" fill="{P}"/>',
    "plain": "",
}
