from callgenie.http.fair_share import FairShare


def test_nobody_has_more_than_is_left_for_all_the_others() -> None:
    share = FairShare(90)
    assert share.take("a", 45)
    assert not share.take("a", 1)
    # A new one always finds room, and the more there are the less has each.
    assert share.take("b", 22)
    assert not share.take("b", 1)
    assert share.take("c", 11)
    assert share.used == 78


def test_what_is_given_back_can_be_taken_again() -> None:
    share = FairShare(10)
    assert share.take("a", 5)
    share.give_back("a", 2)
    assert share.take("a", 2)
    share.give_back("a", 5)
    share.give_back("a", 0)
    assert share.used == 0
    assert share.take("b", 5)


def test_what_is_refused_is_not_held() -> None:
    share = FairShare(10)
    assert not share.take("a", 6)
    assert share.used == 0
    assert share.take("a", 5)
