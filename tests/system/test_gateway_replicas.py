"""Several replicas of a service behind the gateway: what one can't be asked, another is."""
import pytest

from door import Service, assert_problem
from shop import free_port


@pytest.fixture
def replica():
    service = Service()
    yield service
    service.close()


@pytest.fixture
def doors(open_door):
    """doors(port, …): a gateway that knows one more address of order for each port."""
    def make(*ports):
        service = Service()
        urls = " ".join(f"http://127.0.0.1:{port}" for port in (service.server_port, *ports))
        return open_door(f"--gateway.order_url={urls}", service=service)

    return make


def paths(service):
    return [asked[1] for asked in service.asked if asked[1].startswith("/orders")]


def test_all_replicas_are_asked(doors, replica):
    door = doors(replica.server_port)
    for i in range(10):
        assert door.http.get(f"/orders/{i}").status_code == 200
    assert paths(door.service) and paths(replica)
    assert sorted(paths(door.service) + paths(replica)) == [f"/orders/{i}" for i in range(10)]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_has_reached_no_replica_is_asked_at_the_next(doors, method):
    door = doors(free_port())
    for _ in range(10):
        assert door.http.request(method, "/orders", json={}).status_code == 200
    assert paths(door.service) == ["/orders"] * 10


def test_a_post_that_may_have_arrived_at_one_replica_is_not_sent_to_another(doors, replica):
    door = doors(replica.server_port)
    for _ in range(2):
        assert_problem(door.http.post("/orders/hang-up-post", json={}), 503)
    assert len(paths(door.service) + paths(replica)) == 2


def test_what_may_be_repeated_is_asked_of_another_replica(doors, replica):
    door = doors(replica.server_port)
    assert_problem(door.http.get("/orders/hang-up-get"), 503)
    assert paths(door.service) == paths(replica) == ["/orders/hang-up-get"]


def test_without_any_replica_it_is_said_that_the_service_does_not_answer(open_door):
    door = open_door(f"--gateway.order_url=http://127.0.0.1:{free_port()} http://127.0.0.1:{free_port()}")
    for _ in range(3):
        assert_problem(door.http.post("/orders", json={}), 503)
