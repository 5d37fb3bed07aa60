# ruff: noqa: INP001 - a program of its own
"""A ROS 2 node that republishes hands: markers for RViz, and the palm's place as a pose.

Tested against stand-ins for rclpy and the message packages; never run in ROS 2 itself.

pip install edgehands            # into the Python that ROS 2 uses
python3 ros2_hands.py --ros-args -p broker:=mqtt://hub -p frame:=camera

Topics: ~/markers (visualization_msgs/MarkerArray, two markers a hand: points and bones) and
~/palm/left, ~/palm/right (geometry_msgs/PoseStamped, only with a calibrated camera's distances).
All of it is in the camera's optical frame of REP 103, metres: x right, y down, z forward.
"""

from __future__ import annotations

import rclpy
from geometry_msgs.msg import Point, PoseStamped
from rclpy.node import Node
from visualization_msgs.msg import Marker, MarkerArray

from edgehands.client import HandMessage, HandsMessage, Message, listen

BONES = (
    *((0, 1), (1, 2), (2, 3), (3, 4)),
    *((0, 5), (5, 6), (6, 7), (7, 8)),
    *((5, 9), (9, 10), (10, 11), (11, 12)),
    *((9, 13), (13, 14), (14, 15), (15, 16)),
    *((13, 17), (0, 17), (17, 18), (18, 19), (19, 20)),
)
SIDES = ("left", "right")
COLOURS = {"left": (0.31, 0.76, 0.97), "right": (1.0, 0.72, 0.3)}


class Hands(Node):
    """Republishes what one broker's nodes publish."""

    def __init__(self) -> None:
        super().__init__("edgehands")
        self._frame = self.declare_parameter("frame", "camera").value
        self.url = self.declare_parameter("broker", "mqtt://localhost").value
        self._markers = self.create_publisher(MarkerArray, "~/markers", 1)
        self._palms = {
            side: self.create_publisher(PoseStamped, f"~/palm/{side}", 1) for side in SIDES
        }

    def take(self, message: Message) -> None:
        """Pass the hands of a frame on."""
        if not isinstance(message.content, HandsMessage):
            return
        stamp = self.get_clock().now().to_msg()
        array = MarkerArray()
        clear = Marker()
        clear.header.frame_id, clear.action = self._frame, Marker.DELETEALL
        array.markers.append(clear)
        for hand in message.content.hands:
            array.markers += self._drawn(hand, stamp)
            palm = getattr(hand.pose, "palm", None)
            if palm is not None:
                self._palms[hand.handedness].publish(self._pose(hand, stamp))
        self._markers.publish(array)

    def _drawn(self, hand: HandMessage, stamp: object) -> list[Marker]:
        # World landmarks begin at the hand; the palm says where that is, if it is known.
        origin = getattr(hand.pose, "wrist", (0.0, 0.0, 0.0))
        root = hand.world[0]
        points = []
        for place in hand.world:
            point = Point()
            point.x, point.y, point.z = (
                float(o + p - r) for o, p, r in zip(origin, place, root, strict=True)
            )
            points.append(point)
        markers = []
        for kind, chosen in (
            (Marker.SPHERE_LIST, points),
            (Marker.LINE_LIST, [points[i] for bone in BONES for i in bone]),
        ):
            marker = Marker()
            marker.header.frame_id, marker.header.stamp = self._frame, stamp
            marker.ns, marker.id = f"hand_{hand.handedness}", 2 * hand.id + len(markers)
            marker.type, marker.action = kind, Marker.ADD
            marker.scale.x = marker.scale.y = marker.scale.z = 0.01 if not markers else 0.004
            marker.color.r, marker.color.g, marker.color.b = COLOURS[hand.handedness]
            marker.color.a = 1.0
            marker.pose.orientation.w = 1.0
            marker.points = chosen
            markers.append(marker)
        return markers

    def _pose(self, hand: HandMessage, stamp: object) -> PoseStamped:
        pose = PoseStamped()
        pose.header.frame_id, pose.header.stamp = self._frame, stamp
        position, turn = pose.pose.position, pose.pose.orientation
        position.x, position.y, position.z = map(float, hand.pose.palm)
        turn.x, turn.y, turn.z, turn.w = map(float, hand.pose.quaternion)
        return pose


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init()
    node = Hands()
    try:
        with listen(node.url, node.take, on_broker=node.get_logger().info):
            rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
