#!/usr/bin/env python3
"""Draws the pictures of docs/insights/README.md: python3 docs/insights/pictures/draw.py writes the SVG files beside it."""

from html import escape
from math import cos, pi, sin
from pathlib import Path

INK, FAINT, LINE = "#1f2933", "#66727f", "#c9d1d9"
COLOURS = {"view": "#2f6fde", "save": "#d9822b", "buy": "#1a9d6b", "open": "#8b5cf6", "end": "#a0a8b0"}
WIDTH = 640


class Picture:
    def __init__(self, height, title):
        self.height, self.parts = height, []
        self.title = title

    def add(self, text):
        self.parts.append(text)

    def text(self, x, y, text, size=13, colour=INK, anchor="start", weight="normal"):
        self.add(f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour=LINE, width=1, dash=""):
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.add(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dash}/>')

    def box(self, x, y, width, height, colour, opacity=1.0, stroke="none"):
        self.add(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{colour}" fill-opacity="{opacity}" stroke="{stroke}"/>')

    def dot(self, x, y, name, label=True):
        self.add(f'<circle cx="{x}" cy="{y}" r="6" fill="{COLOURS[name]}"/>')
        if label:
            self.text(x, y - 10, name, 11, COLOURS[name], "middle")

    def arrow(self, x1, y1, x2, y2, colour=FAINT):
        back = -1 if x2 >= x1 else 1
        self.line(x1, y1, x2, y2, colour, 1.5)
        self.add(f'<path d="M{x2} {y2} l{back * 7} -4 l0 8 z" fill="{colour}"/>')

    def brace(self, x1, x2, y, text):
        self.add(f'<path d="M{x1} {y - 5} v5 H{x2} v-5" fill="none" stroke="{FAINT}" stroke-width="1.2"/>')
        self.text((x1 + x2) / 2, y + 15, text, 12, FAINT, "middle")

    def lane(self, y, name, x1=80, x2=WIDTH - 20):
        self.text(12, y + 4, name, 13, INK, weight="bold")
        self.line(x1, y, x2, y)

    def days(self, xs, y1, y2, names):
        for x, name in zip(xs, names):
            self.line(x, y1, x, y2, LINE, 1, "3 3")
            self.text(x + 4, y1 + 10, name, 11, FAINT)

    def write(self, name):
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}" '
            f'font-family="system-ui, sans-serif" role="img" aria-label="{escape(self.title)}">\n<title>{escape(self.title)}</title>\n'
            f'<rect width="{WIDTH}" height="{self.height}" fill="#ffffff"/>\n'
        )
        (Path(__file__).parent / f"{name}.svg").write_text(head + "\n".join(self.parts) + "\n</svg>\n")


def trend():
    p = Picture(170, "Trend: rows and people of each day")
    xs = [80, 260, 440]
    p.days(xs, 8, 125, ["Monday", "Tuesday", "Wednesday"])
    p.lane(55, "ada")
    p.lane(100, "ben")
    for x, y in [(110, 55), (170, 55), (150, 100), (480, 100)]:
        p.dot(x, y, "view")
    for x, text in zip(xs, ["count 3, people 2", "count 0, people 0", "count 1, people 1"]):
        p.text(x + 4, 152, text, 13)
    p.write("trend")


def funnel():
    p = Picture(215, "Funnel: steps in order within a window that begins with step 1")
    p.lane(45, "ada")
    p.lane(110, "ben")
    for x, y, name in [(110, 45, "view"), (190, 45, "end"), (270, 45, "save"), (400, 45, "buy")]:
        p.dot(x, y, name)
    p.brace(110, 430, 62, "window, from the row of step 1")
    for x, y, name in [(110, 110, "view"), (220, 110, "save"), (560, 110, "buy")]:
        p.dot(x, y, name)
    p.brace(110, 430, 127, "buy comes too late: ben dropped at step 2")
    for index, (name, count) in enumerate([("view", 2), ("save", 2), ("buy", 1)]):
        p.box(80 + index * 185, 205 - count * 22, 130, count * 22, COLOURS[name], 0.85)
        p.text(80 + index * 185 + 65, 200, f"{name}: {count}", 13, "#ffffff", "middle")
    p.write("funnel")


def funnel_trend():
    p = Picture(150, "Trend of a funnel: attempts by the bucket of their row of step 1")
    p.days([80, 260, 440], 8, 105, ["Monday", "Tuesday", "Wednesday"])
    p.lane(60, "ada")
    for x, name in [(120, "view"), (200, "view"), (330, "save"), (490, "view")]:
        p.dot(x, 60, name)
    p.arrow(200, 78, 322, 78)
    p.text(84, 135, "entered 1, converted 1", 13)
    p.text(264, 135, "nobody entered", 13, FAINT)
    p.text(444, 135, "entered 1, converted 0", 13)
    p.write("funnel_trend")


def retention():
    p = Picture(190, "Retention: who starts in a bucket, and returns in each after")
    p.days([80, 220, 360, 500], 8, 100, ["week 0", "week 1", "week 2", "week 3"])
    p.lane(45, "ada")
    p.lane(85, "ben")
    for x, y, name in [(100, 45, "view"), (270, 45, "open"), (540, 45, "open"), (250, 85, "view"), (400, 85, "open")]:
        p.dot(x, y, name)
    for row, (name, counts) in enumerate([("started in week 0: 1", [1, 1, 0, 1]), ("started in week 1: 1", [1, 1, 0])]):
        p.text(12, 134 + row * 32, name, 12)
        for k, count in enumerate(counts):
            p.box(220 + k * 95, 116 + row * 32, 88, 26, COLOURS["view"], 0.75 if count else 0.12)
            p.text(264 + k * 95, 134 + row * 32, f"+{k}: {count}", 12, "#ffffff" if count else FAINT, "middle")
    p.write("retention")


def paths():
    p = Picture(180, "Paths: the names of the rows that follow, and edges between places")
    p.lane(45, "ada")
    for x, name in [(110, "open"), (200, "view"), (290, "save"), (550, "view")]:
        p.dot(x, 45, name)
    p.brace(110, 290, 62, "after open: view, save")
    p.text(420, 40, "a gap: the path ends", 11, FAINT, "middle")
    for x, y, name, h in [(120, 105, "view", 60), (420, 105, "save", 38), (420, 150, "buy", 16)]:
        p.box(x, y, 90, h, COLOURS[name], 0.85)
        p.text(x + 45, y + h / 2 + 4, name, 13, "#ffffff", "middle")
    p.add(f'<path d="M210 105 C310 105 320 105 420 105 V143 C320 143 310 146 210 146 Z" fill="{COLOURS["save"]}" fill-opacity="0.25"/>')
    p.add(f'<path d="M210 147 C310 147 320 150 420 150 V166 C320 166 310 165 210 165 Z" fill="{COLOURS["buy"]}" fill-opacity="0.25"/>')
    p.text(165, 178, "place 0", 11, FAINT, "middle")
    p.text(465, 178, "place 1", 11, FAINT, "middle")
    p.write("paths")


def lifecycle():
    p = Picture(120, "Lifecycle: the standing of a person in each bucket")
    xs = [80, 190, 300, 410, 520]
    p.days(xs, 8, 80, ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"])
    p.lane(55, "ada")
    for x in [110, 230, 555]:
        p.dot(x, 55, "view", False)
    for x, text in zip(xs, ["new", "returning", "dormant", "", "resurrecting"]):
        p.text(x + 4, 102, text, 13, INK, weight="bold")
    p.text(414, 102, "(gone)", 12, FAINT)
    p.write("lifecycle")


def stickiness():
    p = Picture(170, "Stickiness: people by the number of different days")
    p.days([80, 200, 320], 8, 110, ["Monday", "Tuesday", "Wednesday"])
    for y, name, days in [(35, "ada", [110, 150, 240]), (65, "ben", [360]), (95, "cleo", [130, 230, 350])]:
        p.lane(y, name, 80, 430)
        for x in days:
            p.dot(x, y, "view", False)
    for y, text in [(35, "2 days"), (65, "1 day"), (95, "3 days")]:
        p.text(450, y + 4, text, 13)
    p.text(80, 145, "people on exactly 1 day: 1, on 2: 1, on 3: 1", 13)
    p.write("stickiness")


def sessions():
    p = Picture(115, "Sessions: stretches without a long gap")
    p.lane(45, "ada")
    for x, name in [(100, "open"), (150, "view"), (220, "save"), (430, "open"), (580, "open"), (600, "end")]:
        p.dot(x, 45, name, x != 600)
    p.brace(100, 220, 65, "3 rows")
    p.text(325, 40, "gap above gap_ms", 11, FAINT, "middle")
    p.brace(424, 436, 65, "one row: a bounce")
    p.brace(580, 600, 65, "2 rows")
    p.write("sessions")


def cohort():
    p = Picture(150, "Cohorts: groups of people, joined")
    for x, name, text, anchor in [(285, "save", "saved 3 times", "end"), (365, "buy", "bought", "start")]:
        p.add(f'<circle cx="{x}" cy="75" r="65" fill="{COLOURS[name]}" fill-opacity="0.3" stroke="{FAINT}"/>')
        p.text(x + (-52 if anchor == "end" else 52), 138, text, 12, FAINT, anchor)
    for x, name in [(248, "ada"), (325, "ben"), (402, "cleo")]:
        p.text(x, 80, name, 13, INK, "middle", "bold")
    p.text(20, 30, "saved and not bought: ada", 13)
    p.text(620, 30, "saved and bought: ben", 13, INK, "end")
    p.write("cohort")


def distribution():
    p = Picture(150, "Distribution: values in bins between edges")
    values = [(110, 1), (140, 1), (150, 2), (240, 1), (250, 2), (255, 3), (310, 1), (470, 1)]
    for x, level in values:
        p.add(f'<circle cx="{x}" cy="{95 - (level - 1) * 15}" r="6" fill="{COLOURS["view"]}"/>')
    p.line(80, 105, 600, 105)
    for x, text in [(200, "edge 10"), (380, "edge 20")]:
        p.line(x, 20, x, 112, FAINT, 1, "3 3")
        p.text(x, 126, text, 12, FAINT, "middle")
    for x, text in [(130, "3"), (280, "4"), (480, "1")]:
        p.text(x, 145, text, 14, INK, "middle", "bold")
    p.write("distribution")


def active_people():
    p = Picture(130, "Active people: each day opens 1, 7 and 30 days in which a person counts")
    p.days([80 + 60 * day for day in range(9)], 8, 110, [str(day + 1) for day in range(9)])
    p.lane(40, "ada")
    p.dot(110, 40, "view", False)
    for y, length, text in [(65, 1, "day"), (82, 7, "week: the 7 days that end with each"), (99, 9, "month: 30 days …")]:
        p.box(82, y, 60 * length - 4 if length < 9 else 540, 12, COLOURS["view"], 0.25 + 0.2 * (length == 1))
        p.text(86, y + 10, text, 10)
    p.write("active_people")


def time_between():
    p = Picture(105, "Time between: from each row to the next of another kind")
    p.lane(45, "ada")
    for x, name in [(110, "view"), (200, "view"), (330, "buy"), (430, "view"), (560, "buy")]:
        p.dot(x, 45, name)
    for x1, x2, y in [(110, 330, 62), (200, 330, 76), (430, 560, 62)]:
        p.arrow(x1, y, x2, y)
    p.text(80, 98, "3 times, 1 person", 13)
    p.write("time_between")


def ranking():
    p = Picture(100, "Ranking: most rows first, ties by name")
    for row, (name, rows) in enumerate([("view", 12), ("open", 7), ("save", 7)]):
        p.text(20, 30 + row * 28, name, 13, INK, weight="bold")
        p.box(80, 16 + row * 28, rows * 38, 20, COLOURS[name], 0.8)
        p.text(88 + rows * 38, 31 + row * 28, str(rows), 13)
    p.write("ranking")


def correlation():
    p = Picture(220, "Correlation: each factor divides those who converted and those who did not")
    p.lane(45, "ada")
    p.lane(105, "ben")
    for x, y, name in [(110, 45, "view"), (210, 45, "save"), (330, 45, "buy"), (420, 45, "save"), (110, 105, "view"), (300, 105, "end")]:
        p.dot(x, y, name)
    p.brace(110, 330, 62, "the stretch of who converted ends there")
    p.brace(110, 540, 122, "of who did not, with the window")
    for x, text in [(270, "converted"), (390, "dropped")]:
        p.text(x, 168, text, 12, FAINT, "middle")
    for row, (name, a, b) in enumerate([("with save", 40, 10), ("without", 60, 190)]):
        p.text(120, 188 + row * 22, name, 13)
        p.text(270, 188 + row * 22, str(a), 13, INK, "middle", "bold")
        p.text(390, 188 + row * 22, str(b), 13, INK, "middle", "bold")
    p.text(460, 188, "odds 40/10 over 60/190", 12, FAINT)
    p.write("correlation")


def hexagon(p, x, y, size, colour, opacity):
    points = " ".join(f"{x + size * cos(pi / 6 + k * pi / 3):.1f},{y + size * sin(pi / 6 + k * pi / 3):.1f}" for k in range(6))
    p.add(f'<polygon points="{points}" fill="{colour}" fill-opacity="{opacity}" stroke="{LINE}"/>')


def places():
    p = Picture(200, "Places: visits of cells, and rings around a point")
    for q in range(-2, 3):
        for r in range(-2, 3):
            ring = max(abs(q), abs(r), abs(q + r))
            if ring <= 2:
                hexagon(p, 150 + 36 * (q + r / 2) * 1.73 / 1.73, 100 + r * 31, 20.5, COLOURS["buy"], [0.75, 0.35, 0.12][ring])
    p.text(150, 104, "0", 13, "#ffffff", "middle", "bold")
    p.text(186, 104, "1", 12, INK, "middle")
    p.text(222, 104, "2", 12, INK, "middle")
    p.text(20, 192, "within 0, 1, 2 rings", 12, FAINT)
    p.lane(85, "ada", 340)
    p.parts[-2] = p.parts[-2].replace('x="12"', 'x="300"')
    for x, name in [(360, "view"), (400, "view"), (470, "save"), (540, "view"), (600, "view")]:
        p.dot(x, 85, name, False)
    for x1, x2, text in [(360, 400, "cell A"), (464, 476, "cell B"), (540, 600, "cell A again")]:
        p.brace(x1, x2, 105, text)
    p.text(340, 160, "A: 2 visits, 1 of 1 people again;", 12)
    p.text(340, 178, "dwell: the time within visits", 12)
    p.write("places")


def compare():
    p = Picture(140, "Compare: a number of each person of two groups")
    for row, (name, xs, colour) in enumerate([("free", [120, 150, 160, 190, 240, 300], "view"), ("pro", [210, 280, 300, 340, 380, 450], "buy")]):
        y = 40 + row * 45
        p.lane(y, name)
        for x in xs:
            p.dot(x, y, colour, False)
        mean = sum(xs) / len(xs)
        p.line(mean, y - 16, mean, y + 16, INK, 2)
    p.text(80, 128, "means, their difference with its interval, and p by Welch's test", 13)
    p.write("compare")


def people():
    p = Picture(120, "People: every number of an answer is a set of persons")
    for index, (name, count) in enumerate([("view", 5), ("save", 3), ("buy", 1)]):
        p.box(40 + index * 110, 100 - count * 16, 80, count * 16, COLOURS[name], 0.85)
        p.text(80 + index * 110, 115, f"step {index + 1}: {count}", 12, INK, "middle")
    p.arrow(250, 40, 400, 40)
    p.text(255, 32, "dropped at step 2?", 12, FAINT)
    p.box(410, 14, 200, 52, "#ffffff", 1, LINE)
    p.text(422, 36, "ada", 13, INK, weight="bold")
    p.text(422, 56, "ben", 13, INK, weight="bold")
    p.write("people")


for draw in [trend, funnel, funnel_trend, retention, paths, lifecycle, stickiness, sessions, cohort, distribution, active_people, time_between, ranking, correlation, places, compare, people]:
    draw()
