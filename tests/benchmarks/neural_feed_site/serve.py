"""Fill the site and time its feed on demand: `plain 7` or `hnsw 7` on a line of standard input, milliseconds back.

    python -m neural_feed_site.serve DATABASE_HOST DATABASE_USER DATA.npz

What is in DATA: `vectors` [items, dim], `likes` [likes, (user, item)] in order, numbered from 0.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import django
import django.utils.timezone
import numpy as np
from django.conf import settings

LIMIT = 20


def main() -> None:
    """Fill, then answer until the input ends."""
    host, user, path = sys.argv[1:]
    data = np.load(path)
    begin(host, user, data["vectors"].shape[1])
    users = fill(data["vectors"], data["likes"])
    feeds = {name: feed(enabled=name == "hnsw") for name in ("plain", "hnsw")}
    say("ready")
    for line in sys.stdin:
        name, at = line.split()
        mark = time.perf_counter()
        rows = feeds[name](users[int(at) % len(users)])
        say(f"{1000 * (time.perf_counter() - mark):.4f} {len(rows)}")


def say(line: str) -> None:
    """One line to whoever asks."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def begin(host: str, user: str, dim: int) -> None:
    """Django with the README's settings."""
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.postgres",
            "django_neural_feed",
            "neural_feed_site",
        ],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.postgresql", "HOST": host, "USER": user, "NAME": "neural_feed"}
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DJANGO_NEURAL_FEED={"VECTOR_DIMENSION": dim},
    )
    django.setup()


def fill(vectors: Any, likes: Any) -> list[Any]:
    """Posts, likes, and the profile of each user as the package computes it; the index is built on the full table."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from pgvector.psycopg import register_vector

    from .models import Post

    with connection.cursor() as cursor:
        cursor.execute("create extension if not exists vector")
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # posts have no migrations, but refer to users
    (index,) = Post._meta.indexes
    with connection.schema_editor() as editor:
        editor.remove_index(Post, index)
    register_vector(connection.connection)
    columns = "copy neural_feed_site_post (title, content, created_at, embedding) from stdin (format binary)"
    with connection.cursor() as cursor, cursor.copy(columns) as copy:
        copy.set_types(["varchar", "text", "timestamptz", "vector"])
        now = django.utils.timezone.now()
        for row, vector in enumerate(vectors):
            copy.write_row([f"Post {row}", "words " * 20, now, vector])
    with connection.cursor() as cursor:
        cursor.execute("set maintenance_work_mem = '512MB'")
    with connection.schema_editor() as editor:
        editor.add_index(Post, index)
    posts = list(Post.objects.order_by("pk").values_list("pk", flat=True))
    users = User.objects.bulk_create([User(username=f"user-{row}") for row in range(int(likes[:, 0].max()) + 1)])
    through = Post.likes.through
    through.objects.bulk_create(
        [through(user_id=users[who].pk, post_id=posts[what]) for who, what in likes.tolist()], batch_size=5000
    )
    profiles(users, vectors, likes)
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")
    return users


def profiles(users: list[Any], vectors: Any, likes: Any) -> None:
    """The mean of each user's last twenty likes, unit length: what `calculate_user_embedding` gives."""
    from django_neural_feed.models import UserFeedProfile

    rows = []
    for at, user in enumerate(users):
        mean = vectors[likes[likes[:, 0] == at][-20:, 1]].mean(axis=0)
        rows.append(UserFeedProfile(user=user, feed_id="posts_main", embedding=mean / np.linalg.norm(mean)))
    UserFeedProfile.objects.bulk_create(rows, batch_size=500)


def feed(*, enabled: bool) -> Callable[[Any], list[Any]]:
    """The README's feed and its view: without what the user has liked."""
    from django.db.models import Count, ExpressionWrapper, F, FloatField, Value
    from django.db.models.functions import Cast, Extract, Ln, Now
    from django_neural_feed.feeds import BaseNeuralFeed

    from .models import Post

    class PostFeed(BaseNeuralFeed):
        feed_id = "posts_main"
        content_django_model = Post
        interaction_django_model = Post.likes.through
        mode = "m2m"
        user_field_name = "user"
        content_field_name = "post"
        hnsw_config = {"enabled": enabled, "ef_search": 40, "search_pool": 500}
        popularity_expression = ExpressionWrapper(
            Ln(Cast(Count("likes"), FloatField()) + Value(1.0)) / Ln(Value(1000.0)), output_field=FloatField()
        )
        freshness_expression = ExpressionWrapper(
            Value(1.0) / (Value(1.0) + (Extract(Now() - F("created_at"), "epoch") / 3600.0)), output_field=FloatField()
        )

    def ask(user: Any) -> list[Any]:
        excluded = Post.objects.filter(likes=user).values_list("id", flat=True)
        return list(PostFeed.get_feed(user=user, queryset=Post.objects.all(), excluded_ids=excluded, limit=LIMIT))

    return ask


if __name__ == "__main__":
    main()
