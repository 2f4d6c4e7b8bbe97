"""What one lesson may hold, and what all of them may occupy; each limit with its reason.

A lesson is kept in memory alone: no picture of it touches the disk (resnet.ui.teach.lessons).
"""

CLASSES = 10  # of one lesson
PICTURES = 200  # of one lesson: its head is fitted in milliseconds then
NEEDED = 3  # pictures, from which on a class is taught: one is left out, and two speak for it
A_FORM = 12  # pictures sent at once
ENCODED = 72_000  # characters of a picture in base64; a form has 100,000 for all (resnet.ui.wall.limits.MAX_JSON)
FORM = 90_000  # characters of a form's pictures together
SIDE = 512  # pixels: the page sends pictures of at most so many a side
NAME = 40  # characters of a class's name
NETS_KEPT = 6  # nets whose features a lesson keeps: a change back costs nothing
LESSONS_BYTES = 200_000_000  # of all lessons: a whole class with 30 pictures each has some 40 MB
LESSON_SECONDS = 3_600  # without a word, where no browser tells that its page was closed
NETS_AT_ONCE = 1  # nets that are packed for a download: 250 MB while one is
